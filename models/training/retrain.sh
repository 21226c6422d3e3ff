#!/bin/sh
# Trains the segmentation network from nothing to the judged file: ./retrain.sh WORK [DATA] [PHANTOM]; with FOLDS=1 it is
# cross-validated as well. What is finished is not done again, what was cut off is gone on with.
set -eu
cd "$(dirname "$0")"
work=$1
data=${2:-../../../shared/data}
phantom=${3:+--phantom $3}

# shellcheck disable=SC2086 # words on purpose
train() { python -m segmentation.train --data "$data" --work "$work" $phantom "$@"; }

# What ships: every other fold than the first, and the labels of the network that stands where nobody outlined. Each round
# starts from the averaged weights of the one before with a fresh, lower learning rate.
[ -f "$work/cache/midsagittal_pseudo.npz" ] || python -m segmentation.pseudo --data "$data" --work "$work"
train --pseudo --rate 2.5e-3 --steps 2500 --checkpoint "$work/checkpoint.pt"
train --start "$work/checkpoint.pt" --pseudo --spider-share 0.6 --rate 1.5e-3 --steps 2000 --checkpoint "$work/main_2.pt"
train --start "$work/main_2.pt" --pseudo --spider-share 0.6 --rate 1.2e-3 --steps 1400 --seed 3 --checkpoint "$work/main.pt"
python -m segmentation.export --checkpoint "$work/main.pt"
python -m segmentation.release --data "$data" --part held_out --version "${VERSION:-$(date +%Y.%m.%d)}" --steps 5900

# Networks that share a start which has seen no SPIDER subject, and nobody's labels but people's: a figure for each subject
# from a network that has not seen it. What ships is the network of fold 0.
[ -n "${FOLDS:-}" ] || exit 0
train --without-spider --rate 3e-3 --steps 500 --checkpoint "$work/base.pt"
for fold in 1 2 3 4; do
    train --fold $fold --start "$work/base.pt" --spider-share 1.2 --rate 2.5e-3 --steps 1200 --checkpoint "$work/fold_$fold.pt"
    python -m segmentation.export --checkpoint "$work/fold_$fold.pt" --out "$work/fold_$fold.onnx"
done
python -m evaluation.folds --data "$data" --work "$work" --binary "${BINARY:-../../target/release/deepspine}"
