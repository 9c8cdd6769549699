#!/bin/sh
# The RTLCoder paper from end to end: dataset, direct training, training with quality feedback, 4 bits, both benchmarks,
# report. Edit the names below, or give them in the environment, and run it in the folder of this repository:
#
#     sh recipes/paper/recipe.sh
#
# Stopped at any place, the same command goes on there: each step is a run that resumes. docs/paper.md says what each
# takes, and what it was tried with.
set -eu

# What it is about ------------------------------------------------------------------------------------------------
: "${TEACHER:=endpoint:gpt-3.5-turbo}"      # the paper's; key and server as docs/teachers.md says
: "${BASE:=mistralai/Mistral-7B-v0.1}"      # or deepseek-ai/deepseek-coder-6.7b-base, the paper's other one
: "${VERILOG_EVAL:=verilog-eval}"           # checkout of NVlabs/verilog-eval, branch release/1.0.0
: "${RTLLM:=RTLLM}"                         # checkout of hkust-zhiyao/RTLLM, tag v1.1
: "${RUNS:=runs/paper}"                     # where everything goes
: "${GPUS:=4}"                              # for training, of 24 GB (paper 4.1)

# How it runs -----------------------------------------------------------------------------------------------------
: "${RTLSCRIBE:=.venv/bin/rtlscribe}"
: "${TORCHRUN:=.venv/bin/torchrun --nproc-per-node $GPUS -m rtlscribe}"
: "${WITH_VLLM:=.venv-vllm/bin/rtlscribe}"  # vLLM and the training libraries do not agree on versions
: "${WITH_GPTQ:=.venv-quant/bin/rtlscribe}"
: "${ENGINE:=vllm}"                         # of the evaluations; hf needs no WITH_VLLM of its own
: "${FORMAT:=gptq}"                         # of the 4 bits; gguf for a laptop
: "${MEASURE:=human machine rtllm}"         # benchmarks, by the names below
: "${DATASET_FLAGS:=}"                      # more options for instructions, say --n 27000
: "${MLE:=recipes/paper/train-mle.toml}"  # with DeepSpeed stage 2
: "${SCORING:=recipes/paper/train-scoring.toml}"
: "${TRAIN_FLAGS:=}"
: "${SAMPLE_FLAGS:=--max-tokens 1024}"
: "${QUANTIZE_FLAGS=--data $RUNS/data/out.jsonl --calibration-rows 512}"
: "${EVALUATE_FLAGS:=--max-tokens 1024}"

benchmark() { # the options that name a benchmark
    case $1 in
    human) echo "verilogeval-human --root $VERILOG_EVAL --n 20" ;;
    machine) echo "verilogeval-machine --root $VERILOG_EVAL --n 20" ;;
    rtllm) echo "rtllm-1.1 --root $RTLLM --n 5" ;; # five trials, a design passes if any does (paper 4.2)
    *) echo "$1 --n 20" ;;                         # a JSON Lines file of problems
    esac
}

against() { # the same benchmarks, for decontamination
    for name in $MEASURE; do
        case $name in
        human | machine) echo "--against verilogeval-$name=$VERILOG_EVAL" ;;
        rtllm) echo "--against rtllm-1.1=$RTLLM" ;;
        *) echo "--against $name" ;;
        esac
    done
}

quantised() {
    case $FORMAT in
    gguf) echo "gguf:$RUNS/4-bit/model-Q4_0.gguf" ;;
    *) echo "$ENGINE:$RUNS/4-bit/model" ;;
    esac
}

step() {
    echo "paper: $1" >&2
    shift
    "$@"
}

# shellcheck disable=SC2046,SC2086  # all of these are lists of options
{
    step "keywords (2.1)" \
        $RTLSCRIBE data keywords --config recipes/dataset/keywords.toml --model "$TEACHER" --output "$RUNS/keywords"
    step "instructions and mutations (2.2)" \
        $RTLSCRIBE data instructions --config recipes/dataset/instructions.toml --model "$TEACHER" \
        --keywords "$RUNS/keywords" --output "$RUNS/instructions" $DATASET_FLAGS
    step "reference code, checked (2.3)" \
        $RTLSCRIBE data answers --config recipes/dataset/answers.toml --model "$TEACHER" \
        --data "$RUNS/instructions" --output "$RUNS/answers"
    step "without what is near to a benchmark (4.2)" \
        $RTLSCRIBE data decontaminate --data "$RUNS/answers/out.jsonl" $(against) --output "$RUNS/data"

    step "direct training" \
        $TORCHRUN train --config "$MLE" --data "$RUNS/data/out.jsonl" --model "$BASE" \
        --accumulate $((128 / GPUS)) $TRAIN_FLAGS --output "$RUNS/mle"

    step "three candidates of the base model by beam search (4.3)" \
        $RTLSCRIBE sample --data "$RUNS/data/out.jsonl" --model "hf:$BASE" --n 3 --beams 3 $SAMPLE_FLAGS \
        --output "$RUNS/candidates"
    step "their scores: syntax, else Rouge-L (3.2)" \
        $RTLSCRIBE score --completions "$RUNS/candidates" --data "$RUNS/data/out.jsonl" --rule syntax \
        --output "$RUNS/score"
    step "training with quality feedback (3.2, 3.3)" \
        $TORCHRUN train --config "$SCORING" --data "$RUNS/score/out.jsonl" --model "$BASE" \
        --accumulate $((256 / GPUS)) $TRAIN_FLAGS --output "$RUNS/scoring"

    step "4 bits (4.4)" \
        $WITH_GPTQ quantize "$RUNS/scoring/model" --bits 4 --format $FORMAT $QUANTIZE_FLAGS \
        --output "$RUNS/4-bit"

    set -- # the evaluations, for the report
    for name in $MEASURE; do
        label=$(basename "$name" .jsonl)
        for model in base mle scoring 4-bit; do
            case $model in
            base) path=$ENGINE:$BASE ;;
            4-bit) path=$(quantised) ;;
            *) path=$ENGINE:$RUNS/$model/model ;;
            esac
            step "$model on $label" \
                $WITH_VLLM evaluate $(benchmark "$name") --model "$path" --top-p 0.95 --temperature 0.2,0.5,0.8 \
                $EVALUATE_FLAGS --output "$RUNS/$label-$model"
            set -- "$@" "$model on $label=$RUNS/$label-$model"
        done
    done
    step "report: tables 2 and 3, figures 11 and 12, training curves" \
        $RTLSCRIBE report "$@" "$RUNS/data" "$RUNS/mle" "$RUNS/score" "$RUNS/scoring" "$RUNS/4-bit" \
        --title "RTLCoder" --output "$RUNS/report.html"
}
