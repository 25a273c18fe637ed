#!/bin/sh
# What Lambda starts: finds the private folder, clears the environment of what is meant for the function, and becomes
# the extension. POSIX shell without any program (readlink only where it is started through a symbolic link).

name=adaptive-batching-extension
self=$0
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
    target=$(readlink "$self")
    case $target in
        /*) self=$target ;;
        *) self=${self%/*}/$target ;;
    esac
done
here=${self%/*}
case $here in
    */extensions) private=${here%/extensions}/$name ;;
    *) private=$here/../$name ;;
esac

# The function's settings reach every extension. What steers a dynamic loader, an allocator, a C library's data files,
# OpenSSL's configuration or a Python was written for the function's programs; here it would at best cost time and at
# worst keep the extension from starting, and with it the function (LD_TRACE_LOADED_OBJECTS, an OPENSSL_CONF that
# names providers of another version). SSL_CERT_FILE and SSL_CERT_DIR stay: they say whom this account trusts, are read
# only where no CA bundle is set for AWS, and hold for us as for the function. TMPDIR, TZ and proxies stay as well.
set -f # words of `export -p` are not file names
for entry in $(export -p); do
    variable=${entry%%=*}
    case $variable in
        *[!A-Za-z0-9_]*) ;; # a word out of some value
        LD_* | PYTHON* | MALLOC_* | GLIBC_TUNABLES | GCONV_PATH | LOCPATH | OPENSSL_*) unset "$variable" ;;
    esac
done

# -I: no settings, no user's or current folder on the path; -S: no site-packages; -B: /opt is read-only.
set -- -I -S -B -X utf8 "$private/boot.py"
if [ -x "$private/lib/ld.so" ]; then
    # Our interpreter with our C library and our OpenSSL, whatever the host has: none of its libraries, locales and
    # OpenSSL configurations (which could name providers of another version) is looked at.
    export LC_ALL=C OPENSSL_CONF=/dev/null
    exec "$private/lib/ld.so" --inhibit-cache --library-path "$private/lib" "$private/bin/python3" "$@"
elif [ -x "$private/bin/python3" ]; then
    exec "$private/bin/python3" "$@"
elif [ -x /var/lang/bin/python3 ]; then # the Python of a Python function, which finds its libpython only so
    export LD_LIBRARY_PATH=/var/lang/lib
    exec /var/lang/bin/python3 "$@"
fi
exec python3 "$@"
