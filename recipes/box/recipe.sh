#!/bin/sh
# The model in the box, from nothing: circuits far from the benchmarks, tokenizer and model, direct training, every score
# of its card, the two forms that are shipped. In the folder of this repository:
#
#     sh recipes/box/recipe.sh
#
# Stopped at any place, the same command goes on there: each step is a run that resumes. Five and a half hours
# on two processor cores to the trained model, and more for the scores. docs/box.md says what came out.
set -eu

: "${VERILOG_EVAL:=verilog-eval-1}" # checkout of NVlabs/verilog-eval, branch release/1.0.0
: "${VERILOG_EVAL_2:=verilog-eval}" # the same, branch main
: "${RTLLM:=RTLLM-1.1}"             # checkout of hkust-zhiyao/RTLLM, tag v1.1
: "${RTLLM_2:=RTLLM}"               # the same, branch main
: "${RUNS:=runs/box}"               # where everything goes
: "${BOX:=src/rtlscribe/box}"       # where the model is shipped

: "${RTLSCRIBE:=.venv/bin/rtlscribe}"
: "${TORCHRUN:=.venv/bin/torchrun --nproc-per-node 2 -m rtlscribe}" # a process a core
: "${PYTHON:=.venv/bin/python}"
: "${AGAINST:=verilogeval-human verilogeval-machine verilogeval2-spec verilogeval2-complete rtllm-1.1 rtllm-2.0}"
: "${MEASURE:=held-out held-out-families verilogeval-human verilogeval-machine verilogeval2-spec rtllm-1.1}"
: "${SIZE:=160x4x5x4096}"
: "${OTHER_ROWS:=5000}"    # of both other kinds, that are trained on with the brief ones so as not to be forgotten
: "${DATA_FLAGS:=}" # more options of the circuits, say --n 1000 for a first try
: "${TRAIN_FLAGS:=}"
: "${EVALUATE_FLAGS:=--n 20 --temperature 0.2,0.5,0.8}"
export OMP_NUM_THREADS=1 # matrices this small gain nothing by a second thread

checkout() { # of a benchmark; nothing of those that need none
    case $1 in
    verilogeval2-*) echo "$VERILOG_EVAL_2" ;;
    verilogeval-*) echo "$VERILOG_EVAL" ;;
    rtllm-2.0) echo "$RTLLM_2" ;;
    rtllm-*) echo "$RTLLM" ;;
    esac
}

against() {
    for name in $AGAINST; do
        root=$(checkout "$name")
        echo "--against $name${root:+=$root}"
    done
}

step() {
    echo "box: $1" >&2
    shift
    "$@"
}

# shellcheck disable=SC2086  # the flags are lists of options
learn() { # NAME ROWS MODEL
    step "direct training: $1" \
        $TORCHRUN train --config "recipes/box/train-$1.toml" --data "$2" --model "$3" $TRAIN_FLAGS --output "$RUNS/mle-$1"
}

# shellcheck disable=SC2046,SC2086
{
    for name in designs everyday brief designs-any everyday-any; do # what is near to a benchmark is drawn anew
        step "circuits, each simulated: $name" \
            $RTLSCRIBE data designs --config "recipes/box/$name.toml" $(against) $DATA_FLAGS --output "$RUNS/$name"
        step "none is near to a benchmark: $name" \
            $RTLSCRIBE data decontaminate --data "$RUNS/$name/out.jsonl" --threshold 0.5 $(against) \
            --output "$RUNS/$name-clean"
    done
    cat "$RUNS/designs-clean/out.jsonl" "$RUNS/everyday-clean/out.jsonl" >"$RUNS/rows.jsonl"
    {
        cat "$RUNS/brief-clean/out.jsonl"
        head -n "$OTHER_ROWS" "$RUNS/designs-clean/out.jsonl"
        head -n "$OTHER_ROWS" "$RUNS/everyday-clean/out.jsonl"
    } >"$RUNS/brief-rows.jsonl"
    cat "$RUNS/everyday-any-clean/out.jsonl" "$RUNS/designs-any-clean/out.jsonl" "$RUNS/brief-clean/out.jsonl" \
        >"$RUNS/any-rows.jsonl"
    cat "$RUNS/any-rows.jsonl" "$RUNS/rows.jsonl" >"$RUNS/last-rows.jsonl"
    step "tokenizer and untrained model" \
        $RTLSCRIBE new-model --data "$RUNS/rows.jsonl" --size "$SIZE" --output "$RUNS/base"
    learn everyday "$RUNS/everyday-clean/out.jsonl" "$RUNS/base/model"
    learn all "$RUNS/rows.jsonl" "$RUNS/mle-everyday/model"
    learn brief "$RUNS/brief-rows.jsonl" "$RUNS/mle-all/model"
    learn any "$RUNS/any-rows.jsonl" "$RUNS/mle-brief/model"
    learn last "$RUNS/last-rows.jsonl" "$RUNS/mle-any/model"

    set -- # the evaluations, for report and card
    for name in $MEASURE; do
        label=$(basename "$name" .jsonl)
        root=$(checkout "$name")
        step "its score on $label" \
            $RTLSCRIBE evaluate "$name" ${root:+--root "$root"} --model "hf:$RUNS/mle-last/model" --prompt rtlcoder \
            --choose --batch-size 64 $EVALUATE_FLAGS --output "$RUNS/$label"
        set -- "$@" "$label=$RUNS/$label"
    done
    step "report" \
        $RTLSCRIBE report "$@" "$RUNS"/*-clean "$RUNS/mle-last" \
        --title "The model in the box" --output "$RUNS/report.html"
    step "card" $RTLSCRIBE card "$RUNS/mle-last" "$@" --name box:small --licence apache-2.0

    step "8 bits for llama.cpp" \
        $RTLSCRIBE quantize "$RUNS/mle-last/model" --format gguf --bits 8 --output "$RUNS/8-bit"
    step "into the package" \
        $PYTHON recipes/box/ship.py "$RUNS/mle-last/model" "$RUNS/8-bit/model-Q8_0.gguf" "$BOX"
}
