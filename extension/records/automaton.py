"""All ways through a pattern at once: one step for each character of a text, whatever the text is. Pure."""

from __future__ import annotations

from itertools import chain

from extension.records.pattern_syntax import MOST_PLACES, SINGLE, UNBOUNDED, PatternError, compiled, with_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from extension.records.pattern_syntax import Item

_ACCEPT = 0  # the place at which a match ends


class Automaton:
    """All ways through a pattern at once. A place takes a character, looks at its neighbours, or leads to others."""

    def __init__(self, items: list[Item], flags: int, remembered: int) -> None:
        self.takes: list[Any] = [None]  # place: what it takes, as a compiled expression of one character
        self.looks: list[Any] = [None]  # place: what must hold between two characters
        self.next: list[list[int]] = [[]]
        self._known: dict[str, Any] = {}
        self._alike: dict[str, str] = {}  # a character: the first that was found to be taken by the same places
        self._firsts: dict[object, str] = {}  # what takes it: the first such character
        self._first = self._sequence(items, _ACCEPT, flags)
        self._has_looks = any(self.looks)
        self._most = remembered
        self._weight = len(self.next) // 16 + 1  # of a set of places, in steps
        self._tables: dict[tuple[int, str], _Table] = {}
        self._edges: dict[tuple[str, str], tuple[list[list[int]], list[list[int]]]] = {}
        self._contexts: dict[tuple[str, str], _Context] = {}
        self.steps = 0  # in the tables, and the sets of places that these are for
        self.made = 0  # parts in the contexts
        self._begin, self.ended = 1 << self._first, 1 << len(self.next)
        self.takers: dict[int, list[int]] = {}  # a place: those that lead to it by a character
        for one, takes in enumerate(self.takes):
            if takes:
                self.takers.setdefault(self.next[one][0], []).append(one)

    # making it, from its end

    def _place(self, following: list[int], takes: Any = None, looks: Any = None) -> int:  # noqa: ANN401
        if len(self.next) >= MOST_PLACES:
            raise PatternError(f"it is too large: with its repeats written out it has over {MOST_PLACES} parts")
        self.takes.append(takes)
        self.looks.append(looks)
        self.next.append(following)
        return len(self.next) - 1

    def _sequence(self, items: Iterable[Item], then: int, flags: int) -> int:
        for item in reversed(list(items)):
            then = self._item(item, then, flags)
        return then

    def _item(self, item: Item, then: int, flags: int) -> int:
        code, value = item[0].name, item[1]
        if code in SINGLE:
            return self._place([then], takes=self._one(item, flags))
        if code == "AT":
            return self._place([then], looks=self._one(item, flags))
        if code == "SUBPATTERN":
            return self._sequence(value[3], then, with_flags(flags, value[1], value[2]))
        if code == "BRANCH":
            return self._place([self._sequence(branch, then, flags) for branch in value[1]])
        least, most, repeated = value
        behind = then
        if most is UNBOUNDED:
            then = self._place([behind])
            self.next[then].append(self._sequence(repeated, then, flags))
        else:
            for _ in range(most - least):
                then = self._place([self._sequence(repeated, then, flags), behind])
        for _ in range(least):
            then = self._sequence(repeated, then, flags)
        return then

    def _one(self, item: Item, flags: int) -> Any:  # noqa: ANN401 - a re.Pattern of what is no text
        name = f"{flags} {item}"
        if name not in self._known:
            self._known[name] = compiled([item], flags)
        return self._known[name]

    # going through it

    def edges(self, before: str, after: str) -> tuple[list[list[int]], list[list[int]]]:
        """Return where each place leads by no character between these two, and from where it is led to."""
        key = before, self._kind(after)
        if key not in self._edges:
            around = before + key[1] * 2  # a line break is never the last character
            free: list[list[int]] = []
            back: list[list[int]] = [[] for _ in self.next]
            for one, following in enumerate(self.next):
                looks = self.looks[one]
                is_passed = not self.takes[one] and (not looks or looks.match(around, len(before)))
                free.append(following if is_passed else [])
                for behind in free[-1]:
                    back[behind].append(one)
            self._edges[key] = free, back
        return self._edges[key]

    def context(self, before: str, after: str = "") -> _Context:
        """Return what leads where between these: a character of a kind, "" for none, and one that is alike() others.

        There are few: a pattern tells few kinds of characters from each other.
        """
        key = before, after
        if key not in self._contexts:
            self._contexts[key] = _Context(self, before, after)
        return self._contexts[key]

    def note_made(self) -> None:
        """Count one more that contexts remember; too many are forgotten."""
        self.made += 1
        if self.made > 4 * self._most:
            self.made = 0
            for one in self._contexts.values():
                one.forward.clear()
                one.backward.clear()

    def _kind(self, character: str) -> str:
        """Return a character that looks the same to its neighbours."""
        if not self._has_looks or not character:
            return ""
        if character == "\n":
            return character
        if character.isalnum() or character == "_":
            return "a" if character.isascii() else "\u00e9"
        return " "

    def alike(self, character: str) -> str:
        """Return the character that stands for all that no place and no neighbour tells from this one."""
        found = self._alike.get(character)
        if found is None:
            if len(self._alike) >= self._most:
                self._alike.clear()
            takes = [bool(one.match(character)) for one in self._known.values()]
            found = self._firsts.setdefault((self._kind(character), *takes), character)
            self._alike[character] = found
        return found

    def table(self, places: int, before: str) -> _Table:
        """Return the table for what may be at these places, behind a character of this kind."""
        if self.steps > self._most:
            for table in self._tables.values():
                table.clear()
            self._tables.clear()
            self.steps = 0
        key = places, before
        if key not in self._tables:
            self._tables[key] = _Table(self, places, before)
            self.steps += self._weight
        return self._tables[key]

    def step(self, places: int, before: str, character: str) -> _Table | None:
        """Return the table behind this character; None if a match ends before it."""
        self.steps += 1
        behind = self.context(before, character).forward.of(places)
        return None if behind & self.ended else self.table(behind | self._begin, self._kind(character))

    def matches(self, text: str, at: int) -> bool:
        """Return whether there is a match that begins at `at` or later."""
        table: _Table | None = self.table(self._begin, self._before(text, at))
        for character in text[at:]:
            table = table[character]  # type: ignore[index]
            if table is None:
                return True
        return bool(self.context(table.before).forward.of(table.places) & self.ended)  # type: ignore[union-attr]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return what is part of any match: two passes, since what a place leads to is known from the end."""
        contexts = self._contexts_of(text)
        good = self.context(self._before(text, len(text))).accepting
        ends = []  # for each place behind a character, from where in the automaton the end can be reached; backwards
        for context in reversed(contexts):
            ends.append(good)
            good = context.backward.of(good) | context.accepting
        found: list[tuple[int, int]] = []
        places = self._begin
        for at, context in enumerate(contexts):
            taken = context.forward.of(places)
            places = taken & ~self.ended | self._begin
            if taken & ends.pop():
                begin = found.pop()[0] if found and found[-1][1] == at else at
                found.append((begin, at + 1))
        return found

    def _contexts_of(self, text: str) -> list[_Context]:
        """Return the context of each character."""
        befores = chain(("",), map(self._kind, text))
        return list(map(self.context, befores, map(self.alike, text)))

    def _before(self, text: str, at: int) -> str:
        """Return the kind of the character before this place; "" if there is none, or nothing looks at it."""
        return self._kind(text[at - 1 : at])


class _Context:
    """What leads where between two characters. Sets of places are numbers: bit n is place n."""

    __slots__ = ("_after", "_automaton", "_back", "_free", "accepting", "backward", "forward")

    def __init__(self, automaton: Automaton, before: str, after: str) -> None:
        self._automaton = automaton
        self._after = after
        self._free, self._back = automaton.edges(before, after)
        self.forward = _Spread(automaton, self._leads_to)  # by the character; the bit `ended`: a match ends before it
        self.backward = _Spread(automaton, self._led_by)  # what leads to a place by the character
        self.accepting = self._reached([_ACCEPT], self._back)  # what reaches the end of a match by no character

    def _leads_to(self, place: int) -> int:
        reached = self._reached([place], self._free)
        found = self._automaton.ended if reached & 1 << _ACCEPT else 0
        for one in range(reached.bit_length()):
            if reached >> one & 1 and self._is_taken(one):
                found |= 1 << self._automaton.next[one][0]
        return found

    def _led_by(self, place: int) -> int:
        takers = self._automaton.takers.get(place, ())
        return self._reached([one for one in takers if self._is_taken(one)], self._back)

    def _is_taken(self, place: int) -> bool:
        takes = self._automaton.takes[place]
        return bool(takes and takes.match(self._after))

    def _reached(self, places: Iterable[int], edges: list[list[int]]) -> int:
        """Return these places and all that edges lead to."""
        todo, seen = list(places), set(places)
        while todo:
            fresh = [one for one in edges[todo.pop()] if one not in seen]
            seen.update(fresh)
            todo += fresh
        return sum(1 << one for one in seen)


class _Spread(dict[int, int]):
    """What a set of places leads to: the union of what each of them does, remembered for parts of eight places."""

    __slots__ = ("_automaton", "_of_one")

    def __init__(self, automaton: Automaton, of_one: Callable[[int], int]) -> None:
        super().__init__()
        self._automaton = automaton
        self._of_one = of_one

    def of(self, places: int) -> int:
        found = self.get(~places)  # whole sets are remembered as negative numbers
        if found is None:
            found = part = 0
            for byte in places.to_bytes((places.bit_length() + 7) // 8, "little"):
                if byte:
                    found |= self[part | byte]
                part += 256
            self[~places] = found
            self._automaton.note_made()
        return found

    def __missing__(self, key: int) -> int:
        part, byte = key & ~255, key & 255
        rest = byte & (byte - 1)  # all but the lowest
        alone = self[part | byte ^ rest] if rest else self._of_one((part >> 5) + byte.bit_length() - 1)
        found = self[key] = alone | self[part | rest] if rest else alone
        self._automaton.note_made()
        return found


class _Table(dict[str, "_Table | None"]):
    """Where each character leads from here; made when it is asked for, of those beyond ASCII for one of each kind."""

    __slots__ = ("_automaton", "before", "places")

    def __init__(self, automaton: Automaton, places: int, before: str) -> None:
        super().__init__()
        self._automaton = automaton
        self.places = places
        self.before = before

    def __missing__(self, character: str) -> _Table | None:
        like = self._automaton.alike(character)
        if like in self:
            table = self[like]
            if character.isascii():
                self._automaton.steps += 1
                self[character] = table
            return table
        table = self[like] = self._automaton.step(self.places, self.before, like)
        return table
