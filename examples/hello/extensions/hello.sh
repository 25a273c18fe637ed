#!/bin/sh
# The smallest extension: it registers for both events and prints each one that it gets. It needs curl.
# docs/lambda-protocol.md, section 3.
set -eu
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
name=${0##*/} # Lambda knows an extension by the name of its file

identifier=$(curl --silent --fail --show-error --dump-header - --output /dev/null --noproxy '*' \
    --header "Lambda-Extension-Name: $name" --data '{"events": ["INVOKE", "SHUTDOWN"]}' "$api/register" |
    sed -n 's/^Lambda-Extension-Identifier: *\([^[:space:]]*\).*/\1/Ip')

while true; do
    # No timeout: while the environment is frozen, the extension waits here.
    event=$(curl --silent --fail --show-error --noproxy '*' \
        --header "Lambda-Extension-Identifier: $identifier" "$api/event/next")
    echo "$name: $event"
    case $event in *'"SHUTDOWN"'*) exit 0 ;; esac
done
