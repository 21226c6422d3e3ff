#!/bin/sh
# Trains the segmentation network from nothing to the judged file, with its cross-validation:
# ./retrain.sh WORK [DATA] [PHANTOM]. What is finished is not done again, what was cut off is gone on with.
set -eu
cd "$(dirname "$0")"
work=$1
data=${2:-../../../shared/data}
phantom=${3:+--phantom $3}
common="--data $data --work $work $phantom"

# shellcheck disable=SC2086 # words on purpose, here and below
train() { python -m segmentation.train $common "$@"; }

# A common start that has seen no SPIDER subject, then a network for each fold, in two rounds: the second starts from the
# averaged weights of the first with a fresh, lower learning rate.
base=${BASE_STEPS:-500} first=${FOLD_STEPS:-700} second=${SECOND_STEPS:-1000} main=${STEPS:-2000}
train --without-spider --rate 3e-3 --steps "$base" --checkpoint "$work/base.pt"
for fold in 0 1 2 3 4; do
    train --fold $fold --start "$work/base.pt" --spider-share 1.2 --steps "$first" --checkpoint "$work/fold_$fold.pt"
    train --fold $fold --start "$work/fold_$fold.pt" --spider-share 1.2 --rate 1.5e-3 --steps "$second" \
        --checkpoint "$work/fold_${fold}_2.pt"
    python -m segmentation.export --checkpoint "$work/fold_${fold}_2.pt" --out "$work/fold_${fold}.onnx"
done
# The first fold's network goes on with the labels of the network that stands, and ships.
python -m segmentation.pseudo --data "$data" --work "$work"
train --start "$work/fold_0.pt" --pseudo --steps "$main" --checkpoint "$work/checkpoint.pt"
train --start "$work/checkpoint.pt" --pseudo --spider-share 0.6 --rate 1.5e-3 --steps "$main" --checkpoint "$work/main.pt"
python -m segmentation.export --checkpoint "$work/main.pt"
python -m segmentation.release --data "$data" --part held_out --version "${VERSION:-$(date +%Y.%m.%d)}" \
    --steps $((base + first + 2 * main))
