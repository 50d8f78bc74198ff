#!/bin/sh
# Runs one target of tests/fuzz, or each in its turn, with libFuzzer: tools/fuzz.sh [TARGET [SECONDS]]
#
# What follows the branches are flags of the stable compiler. Inputs that reached something new are
# kept in fuzz/found/TARGET, those that failed in fuzz/found/TARGET-failed.
set -eu
cd "$(dirname "$0")/.."
seconds=${2:-60}
targets=${1:-$(ls tests/fuzz/corpus)}

RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing" \
    cargo build --manifest-path fuzz/Cargo.toml --release --locked --quiet \
    --target "$(rustc -vV | sed -n 's/^host: //p')"
program=$(ls -t fuzz/target/*/release/fuzz | head -n 1)

for target in $targets; do
    mkdir -p "fuzz/found/$target" "fuzz/found/$target-failed"
    seeds="tests/fuzz/corpus/$target"
    case $target in
        signalling) seeds="$seeds tests/golden" ;;
        recordings) seeds="$seeds tests/sounds" ;;
    esac
    # shellcheck disable=SC2086
    FUZZ_TARGET=$target "$program" "fuzz/found/$target" $seeds -max_total_time="$seconds" \
        -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="fuzz/found/$target-failed/"
done
