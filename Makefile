# `make help` lists the targets. Environments and builds are made once and again only when their inputs change.
PYTHON ?= python3
# x86_64 or arm64; unset: this machine's, and names without a suffix.
ARCH ?=

VENV := .venv/bin
# --no-deps: the lock is complete. -qq: errors only. Bytecode is written when a module is first used.
PIP_FLAGS := -qq --disable-pip-version-check --no-compile --no-deps --require-hashes
LOCKS := layer awslambdaric sam awscli uv dev mutmut compact
LAYER := build/layer$(if $(ARCH),-$(ARCH))
LAYER_ZIP := dist/adaptive-batching-extension$(if $(ARCH),-$(ARCH)).zip
# Directories too, so that a deleted file is noticed.
LAYER_INPUTS := $(shell find extension -name __pycache__ -prune -o -print) $(wildcard layer/*.*) requirements/layer.txt requirements/uv.txt LICENSE
# Where the checkers look: what exists of this list.
CODE := $(wildcard extension adaptive_batching layer functions examples benchmarks tests tools)
# Files of tests that run at a time. Much of a test is waiting: one more than a small machine has processors.
WORKERS ?= 3

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The order of prerequisites counts: `check` ends with the tests.
.NOTPARALLEL:
.SUFFIXES:

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

.PHONY: venv
venv: .venv/.locked .venv/.project ## The development environment, in .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv

.venv/.locked: requirements/dev.txt | .venv/bin/python
	$(VENV)/python -m pip install $(PIP_FLAGS) -r $<
	@touch $@

.venv/.project: pyproject.toml .venv/.locked
	$(VENV)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# A folder for the sandbox's --awslambdaric, made by the interpreter that is to load it. Without the option the sandbox
# takes what .venv holds.
build/runtime/awslambdaric: requirements/awslambdaric.txt | .venv/bin/python
	rm -rf $@
	$(VENV)/python -m pip install $(PIP_FLAGS) --target $@ -r $<
	$(VENV)/python -m compileall -q $@
	@touch $@

build/sam build/awscli build/mutmut: build/%: requirements/%.txt
	rm -rf $@
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install $(PIP_FLAGS) -r $<
	@touch $@

.PHONY: layer
layer: $(LAYER_ZIP) ## Build the layer: build/layer, dist/*.zip (ARCH=x86_64|arm64)

$(LAYER_ZIP): $(LAYER_INPUTS) | .venv/bin/python
	$(VENV)/python -m layer.build --into $(LAYER) --zip $@ $(if $(ARCH),--arch $(ARCH))

# Called by `sam build`: the same tree, where SAM wants it.
.PHONY: build-AdaptiveBatchingLayer
build-AdaptiveBatchingLayer: | .venv/bin/python
	$(VENV)/python -m layer.build --into "$(ARTIFACTS_DIR)" $(if $(ARCH),--arch $(ARCH))

# What CompactFunction needs of the registry, for the Python and the system that Lambda runs it with.
MACHINE := $(patsubst arm64,aarch64,$(or $(ARCH),$(shell uname -m)))
COMPACT := build/compact$(if $(ARCH),-$(ARCH))
$(COMPACT): requirements/compact.txt | .venv/bin/python
	rm -rf $@
	$(VENV)/python -m pip install $(PIP_FLAGS) --target $@ --only-binary :all: --implementation cp \
	    --python-version 3.13 --platform manylinux_2_28_$(MACHINE) -r $<
	@touch $@

# Called by `sam build`.
.PHONY: build-CompactFunction
build-CompactFunction: $(COMPACT)
	cp -r $(COMPACT)/. "$(ARTIFACTS_DIR)"
	tar -c --exclude=__pycache__ adaptive_batching/*.py adaptive_batching/logs | tar -x -C "$(ARTIFACTS_DIR)"

.PHONY: publish
publish: venv ## Build both layers, publish them (ARGS="--regions A,B")
	$(MAKE) layer ARCH=x86_64
	$(MAKE) layer ARCH=arm64
	@$(VENV)/adaptive-batching publish $(ARGS)

.PHONY: demo
demo: venv layer ## 50 invocations in the sandbox, shipped to an embedded S3
	@$(VENV)/adaptive-batching demo

.PHONY: landscape
landscape: venv layer ## An application with defects under load; what its logs tell
	@$(VENV)/adaptive-batching sandbox landscape $(ARGS)

.PHONY: experiment
experiment: venv layer ## The lost-last-line experiment: 3,000 invocations
	rm -rf build/experiment
	$(VENV)/adaptive-batching experiment run -n 3000 -c 20 --folder build/experiment
	$(VENV)/adaptive-batching experiment analyze build/experiment

# On AWS. The folder of a run is not overwritten: FOLDER=... names another.
STACK ?= adaptive-batching-extension
FOLDER ?= build/experiment-on-aws
OUTPUT := $(VENV)/python -m tools.operate.deployed output $(STACK)
LOG_GROUP := $(VENV)/python -m tools.operate.deployed log-group $(STACK)

.PHONY: install run analyze uninstall
install: build/sam | .venv/bin/python ## Deploy template.yaml into your AWS account (ARGS="--guided")
	SAM_CLI_TELEMETRY=0 build/sam/bin/sam build
	SAM_CLI_TELEMETRY=0 build/sam/bin/sam deploy --stack-name $(STACK) $(ARGS)

run: venv ## The experiment as of 2019, on the deployed function
	function=$$($(OUTPUT) Experiment) && \
	    $(VENV)/adaptive-batching experiment run --preset original --function $$function --folder $(FOLDER) $(ARGS)

analyze: venv ## Which of its lines S3 has, and CloudWatch an hour later
	function=$$($(OUTPUT) Experiment) && bucket=$$($(OUTPUT) Bucket) && group=$$($(LOG_GROUP)) && \
	    $(VENV)/adaptive-batching experiment analyze $(FOLDER) --s3 s3://$$bucket/function=$$function/ \
	        --log-group $$group $(ARGS)

uninstall: venv ## Delete the stack and its log groups; says which bucket stays
	$(VENV)/python -m tools.operate.deployed uninstall $(STACK)

.PHONY: bench
bench: venv layer build/runtime/awslambdaric ## What attaching costs, against the targets (BENCH=quick)
	$(VENV)/python -m benchmarks
	$(VENV)/python -m benchmarks.policies --format json >build/policies.json
	mv build/policies.json benchmarks/results/policies.json
	$(VENV)/python -m tools

.PHONY: test
test: venv layer build/runtime/awslambdaric build/sam build/awscli $(COMPACT) ## Every test, some ten minutes (WORKERS=3 at a time)
	$(VENV)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Not part of the tests: it takes minutes. A seed replays: make chaos ARGS="--seed 7".
.PHONY: snippets
snippets: venv ## docs/attach's CDK app: synthesized (npm), linted, compared
	rm -rf build/snippets
	mkdir -p build/snippets
	cp -r examples/attach/cdk build/snippets
	cd build/snippets/cdk && npm install --silent --no-audit --no-fund
	cd build/snippets/cdk && LAYER_ARN=arn:aws:lambda:eu-west-1:111122223333:layer:adaptive-batching-extension-x86_64:1 \
	    LOG_BUCKET=my-logs CDK_OUTDIR=../out node app.js
	@# W3005: CDK itself writes a dependency that GetAtt has already.
	$(VENV)/cfn-lint --ignore-checks W3005 -- build/snippets/out/Orders.template.json
	$(VENV)/python -m tools.operate.snippets build/snippets/out/Orders.template.json

.PHONY: chaos
chaos: venv layer build/runtime/awslambdaric ## Random faults, then the ledger; minutes (ARGS="--seed 7")
	$(VENV)/python -m tests.chaos $(ARGS)

.PHONY: mutants
mutants: venv layer build/runtime/awslambdaric build/mutmut ## Planted defects: does a test fail? (ARGS="core --seconds 60")
	$(VENV)/python -m tests.mutants $(ARGS)

.PHONY: docs
docs: venv layer ## Write the generated parts of the documents
	$(VENV)/python -m tools
	$(VENV)/python -m tools.outputs

.PHONY: format
format: venv ## Format the code and fix what lint can fix
	$(VENV)/ruff format
	$(VENV)/ruff check --fix-only

.PHONY: check
# Enough lives for everything rare to have happened in one of them: the simulation asserts that.
check: export SIMULATION_LIFECYCLES ?= 3000
check: lint types template sam test ## What CI runs: lint, types, templates, sam build, tests

.PHONY: lint types template sam
lint: venv ## Format and lint
	$(VENV)/ruff format --check
	$(VENV)/ruff check

types: venv ## mypy
	$(VENV)/mypy $(CODE)

template: venv ## cfn-lint
	$(VENV)/cfn-lint template.yaml

sam: build/sam | .venv/bin/python ## sam build
	SAM_CLI_TELEMETRY=0 build/sam/bin/sam build

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf .venv build dist .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

.PHONY: lock
lock: ## Resolve requirements/*.in again (UPGRADE=1: the newest)
	test -x build/uv/bin/uv || { $(PYTHON) -m venv build/uv && build/uv/bin/python -m pip install -qq uv; }
	cd requirements && for name in $(LOCKS); do \
	    case $$name in layer) oldest=3.10 ;; *) oldest=3.11 ;; esac; \
	    ../build/uv/bin/uv pip compile -q --no-config $(if $(UPGRADE),--upgrade) --universal --python-version $$oldest \
	        --generate-hashes --no-emit-index-url --no-annotate --no-header $$name.in -o $$name.txt || exit 1; \
	done
