#!/bin/sh
# Trains the segmentation network from nothing to the judged file: ./retrain.sh WORK [DATA] [PHANTOM]
set -eu
cd "$(dirname "$0")"
work=$1
data=${2:-../../../shared/data}
steps=${STEPS:-6000}
phantom=${3:+--phantom $3}

python -m segmentation.train --data "$data" --work "$work" --steps "$steps" --until $((steps / 2))
python -m segmentation.pseudo --data "$data" --work "$work"
# shellcheck disable=SC2086 # two words on purpose
python -m segmentation.train --data "$data" --work "$work" --steps "$steps" --pseudo $phantom
python -m segmentation.export --work "$work"
python -m segmentation.release --data "$data" --part held_out --version "${VERSION:-$(date +%Y.%m.%d)}" --steps "$steps"
