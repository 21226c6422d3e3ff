#!/bin/sh
# Trains the segmentation network from nothing to the judged file, with its cross-validation:
# ./retrain.sh WORK [DATA] [PHANTOM]. What is finished is not done again, what was cut off is gone on with.
set -eu
cd "$(dirname "$0")"
work=$1
data=${2:-../../../shared/data}
phantom=${3:+--phantom $3}
common="--data $data --work $work $phantom"

# A common start that has seen no SPIDER subject, then a network for each fold.
# shellcheck disable=SC2086 # words on purpose, here and below
python -m segmentation.train $common --without-spider --rate 3e-3 --steps "${BASE_STEPS:-500}" --checkpoint "$work/base.pt"
for fold in 0 1 2 3 4; do
    python -m segmentation.train $common --fold $fold --start "$work/base.pt" --spider-share 1.2 \
        --steps "${FOLD_STEPS:-700}" --checkpoint "$work/fold_$fold.pt"
    python -m segmentation.export --checkpoint "$work/fold_$fold.pt" --out "$work/fold_$fold.onnx"
done
# The first fold's network goes on with the labels of the network that stands, and ships.
python -m segmentation.pseudo --data "$data" --work "$work"
python -m segmentation.train $common --start "$work/fold_0.pt" --pseudo --steps "${STEPS:-2000}" --checkpoint "$work/checkpoint.pt"
python -m segmentation.export --checkpoint "$work/checkpoint.pt"
python -m segmentation.release --data "$data" --part held_out --version "${VERSION:-$(date +%Y.%m.%d)}"
