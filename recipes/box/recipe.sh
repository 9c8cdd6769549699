#!/bin/sh
# The model in the box, from nothing: circuits far from the benchmarks, tokenizer and model, direct training, every score
# of its card, the two forms that are shipped. In the folder of this repository:
#
#     sh recipes/box/recipe.sh
#
# Stopped at any place, the same command goes on there: each step is a run that resumes. Two hours and a quarter on
# two processor cores to the trained model, and more for the scores. docs/box.md says what came out.
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

# shellcheck disable=SC2046,SC2086  # the flags are lists of options
{
    for name in designs everyday brief; do # what is near to a benchmark is drawn anew
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
    step "tokenizer and untrained model" \
        $RTLSCRIBE new-model --data "$RUNS/rows.jsonl" --size "$SIZE" --output "$RUNS/base"
    step "direct training: everyday circuits" \
        $TORCHRUN train --config recipes/box/train-everyday.toml --data "$RUNS/everyday-clean/out.jsonl" \
        --model "$RUNS/base/model" $TRAIN_FLAGS --output "$RUNS/mle-everyday"
    step "direct training: all circuits" \
        $TORCHRUN train --config recipes/box/train-all.toml --data "$RUNS/rows.jsonl" \
        --model "$RUNS/mle-everyday/model" $TRAIN_FLAGS --output "$RUNS/mle-all"
    step "direct training: brief requests" \
        $TORCHRUN train --config recipes/box/train-brief.toml --data "$RUNS/brief-rows.jsonl" \
        --model "$RUNS/mle-all/model" $TRAIN_FLAGS --output "$RUNS/mle"

    set -- # the evaluations, for report and card
    for name in $MEASURE; do
        label=$(basename "$name" .jsonl)
        root=$(checkout "$name")
        step "its score on $label" \
            $RTLSCRIBE evaluate "$name" ${root:+--root "$root"} --model "hf:$RUNS/mle/model" --prompt rtlcoder \
            --choose --batch-size 64 $EVALUATE_FLAGS --output "$RUNS/$label"
        set -- "$@" "$label=$RUNS/$label"
    done
    step "report" \
        $RTLSCRIBE report "$@" "$RUNS/designs-clean" "$RUNS/everyday-clean" "$RUNS/brief-clean" "$RUNS/mle" \
        --title "The model in the box" --output "$RUNS/report.html"
    step "card" $RTLSCRIBE card "$RUNS/mle" "$@" --name box:small --licence apache-2.0

    step "8 bits for llama.cpp" \
        $RTLSCRIBE quantize "$RUNS/mle/model" --format gguf --bits 8 --output "$RUNS/8-bit"
    step "into the package" \
        $PYTHON recipes/box/ship.py "$RUNS/mle/model" "$RUNS/8-bit/model-Q8_0.gguf" "$BOX"
}
