# Everything that can be done with edge-all, from a fresh clone with python3 and make.
#
#   make classify [CROPS=folder]   classify crops; draws sample cells by default
#   make test                      style, types and tests
#   make test-backends             training on JAX and PyTorch as well (downloads PyTorch)
#   make test-legacy               tests of the device side on tflite-runtime alone, as on
#                                  32-bit ARM (LEGACY_PYTHON=python3.10 or 3.11; 4 minutes)
#   make test-robustness           thousands of bad inputs, lists of a million paths (10 minutes)
#   make convert [MODELS=files] [CELLS=folder]
#                                  Keras models -> verified int8 model files, in build/convert
#   make bench [CROPS=folder] [NETWORKS=files] [MANY=0]
#                                  speed and memory of the device side, beside OpenVINO and
#                                  onnxruntime for files with .onnx beside; MANY=0: no long run
#   make train-cnn DATA=folder     train the CNN on three folds of C-NMC crops (hours)
#   make study DATA=folder         three networks and six baselines on the paper's split and on
#                                  people held out, with a report in docs/ (hours)
#   make release DATA=folder       calibrate, convert and ship the network train-cnn made
#   make train-large DATA=folder   train VGG-16 and ResNet-50, whose weights are not in git (hours)
#   make reports DATA=folder       convert all three networks, with reports in docs/reports

PYTHON ?= python3
DEVICE := .venv-device
DEV := .venv
PEERS := .venv-peers
LEGACY := .venv-legacy
LEGACY_PYTHON ?= python3.11
CROPS ?= build/samples
MODELS ?= train/released/cnn.keras
CELLS ?=
NETWORKS ?= edge/models/cnn.tflite
MANY ?= 100000
DATA ?=
# kept apart so that a training can run on any environment with keras
TRAIN_PYTHON ?= $(DEV)/bin/python

# Nearly all healthy crops of the part of C-NMC 2019 used here come from three people: each
# fold holds out one of them, and some of the patients.
FOLD_H22 := H22,2,16,33,44
FOLD_H10 := H10,13,34
FOLD_H14 := H14,32,38
FOLDS := H22:$(FOLD_H22) H10:$(FOLD_H10) H14:$(FOLD_H14)
SHIPPED_FOLD := H22
DATASET ?= a part of C-NMC 2019 (Gupta and Gupta, TCIA, doi 10.7937/tcia.2019.dc64i46r): its official fold_1 and a few crops of the other folds

.PHONY: classify test test-backends test-legacy test-robustness convert bench train-cnn study release train-large reports clean

classify: $(DEVICE)/ready
	@test "$(CROPS)" != build/samples || $(DEVICE)/bin/edge-all samples build/samples
	@$(DEVICE)/bin/edge-all classify $(CROPS)

test: $(DEV)/ready
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/pytest -n 2 --dist loadfile

test-backends: $(DEV)/ready
	$(DEV)/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(DEV)/bin/pytest tests/test_backends.py

test-legacy: $(LEGACY)/ready
	@$(LEGACY)/bin/edge-all --version | grep 'tflite-runtime 2.14.0' \
	  || { echo "tflite-runtime needs LEGACY_PYTHON=python3.10 or python3.11"; exit 1; }
	$(LEGACY)/bin/pytest --device -rs -n 2 --dist loadfile

test-robustness: $(DEV)/ready
	$(DEV)/bin/pytest -m robustness tests/test_robustness.py tests/test_decode_bombs.py

convert: $(DEV)/ready
	$(DEV)/bin/edge-all-convert run $(MODELS) $(if $(CELLS),--cells $(CELLS)) --out build/convert

bench: $(DEVICE)/ready $(if $(wildcard $(NETWORKS:.tflite=.onnx)),$(PEERS)/ready)
	@test "$(CROPS)" != build/samples || $(DEVICE)/bin/edge-all samples build/samples -n 200
	@$(DEVICE)/bin/python benchmarks/classify.py $(CROPS) --models $(NETWORKS) --many $(MANY)

# No validation part: it would take one of two healthy people away. Killed, it goes on.
train-cnn: $(if $(filter $(DEV)/%,$(TRAIN_PYTHON)),$(DEV)/ready)
	@test -n "$(DATA)" || { echo "give DATA=folder with hem/ and all/ folders of crops"; exit 2; }
	for fold in $(FOLDS); do \
	  $(TRAIN_PYTHON) -m train cnn --data $(DATA) --dataset "$(DATASET)" --epochs $(CNN_EPOCHS) \
	    --validation-share 0 --precision mixed_bfloat16 --hold-out "$${fold#*:}" \
	    --out build/train/$${fold%%:*} || exit; \
	done

# On a GPU: make study DATA=... STUDY_EPOCHS=100 CNN_EPOCHS=100. Finished runs are not run again.
STUDY_EPOCHS ?= 4
CNN_EPOCHS ?= 15
STUDY := build/study
TRAIN := $(TRAIN_PYTHON) -m train
study: $(if $(filter $(DEV)/%,$(TRAIN_PYTHON)),$(DEV)/ready)
	@test -n "$(DATA)" || { echo "give DATA=folder with hem/ and all/ folders of crops"; exit 2; }
	$(TRAIN) split --data $(DATA) --protocol paper --out $(STUDY)/splits
	for fold in $(FOLDS); do \
	  $(TRAIN) split --data $(DATA) --hold-out "$${fold#*:}" --out $(STUDY)/splits || exit; \
	done
	for split in $(STUDY)/splits/*.json; do \
	  name=$$(basename $$split .json); \
	  common="--data $(DATA) --split $$split --out $(STUDY)/$$name"; \
	  $(TRAIN) baselines $$common/baselines --dataset "$(DATASET)" || exit; \
	  for network in resnet50 vgg16; do \
	    $(TRAIN) $$network $$common/$$network-paper --dataset "$(DATASET)" --recipe paper \
	      --epochs $(STUDY_EPOCHS) --precision mixed_bfloat16 || exit; \
	  done; \
	  for recipe in paper best; do \
	    $(TRAIN) cnn $$common/cnn-$$recipe --dataset "$(DATASET)" --recipe $$recipe \
	      --epochs $(CNN_EPOCHS) --validation-share 0 --precision mixed_bfloat16 || exit; \
	  done; \
	done
	$(TRAIN) report $(STUDY)/*/*/ --out docs/part-of-cnmc

# The shipped network's temperature and refer band come from the other folds, so that the
# people it is measured on had no part in them.
release: $(DEV)/ready
	@test -n "$(DATA)" || { echo "give DATA=folder, the one train-cnn was given"; exit 2; }
	mkdir -p train/released
	cp build/train/$(SHIPPED_FOLD)/cnn.keras build/train/$(SHIPPED_FOLD)/cnn.json train/released/
	$(DEV)/bin/edge-all-calibrate probabilities build/train/H10/cnn-held-out.csv \
	  build/train/H14/cnn-held-out.csv --missed 0.1 --false-alarms 0.1 \
	  --out train/released/cnn-calibration.json
	$(DEV)/bin/edge-all-convert run train/released/cnn.keras --cells $(DATA) --out build/release
	cp build/release/cnn-ranges.json build/release/cnn-reference.json train/released/
	cp build/release/cnn.tflite edge/models/

# Two folds each: the second gives the temperature and the refer band. VGG-16 learns by the
# paper's recipe; a ResNet-50 that does so amplifies the rounding of int8 (docs/accuracy-control.md).
train-large: $(if $(filter $(DEV)/%,$(TRAIN_PYTHON)),$(DEV)/ready)
	@test -n "$(DATA)" || { echo "give DATA=folder with hem/ and all/ folders of crops"; exit 2; }
	for fold in H22:$(FOLD_H22) H14:$(FOLD_H14); do \
	  common="--data $(DATA) --hold-out $${fold#*:} --out build/train/$${fold%%:*}"; \
	  common="$$common --precision mixed_bfloat16 --validation-share 0"; \
	  $(TRAIN) vgg16 $$common --dataset "$(DATASET)" --recipe paper --epochs 4 || exit; \
	  $(TRAIN) resnet50 $$common --dataset "$(DATASET)" --epochs 8 || exit; \
	done

LARGE := vgg16 resnet50
reports: $(DEV)/ready
	@test -n "$(DATA)" || { echo "give DATA=folder, the one train-large was given"; exit 2; }
	for network in $(LARGE); do \
	  $(DEV)/bin/edge-all-calibrate probabilities build/train/H14/$$network-held-out.csv \
	    --missed 0.1 --false-alarms 0.1 --out build/train/H22/$$network-calibration.json || exit; \
	done
	$(DEV)/bin/edge-all-convert run train/released/cnn.keras $(LARGE:%=build/train/H22/%.keras) \
	  --cells $(DATA) --profile tflite-2.14 --onnx --out build/reports
	for network in cnn $(LARGE); do \
	  $(DEV)/bin/edge-all-convert report build/reports/$$network-report.json --out docs/reports \
	    || exit; \
	done
	rm docs/reports/*.html docs/reports/*.junit.xml

$(DEVICE)/ready: pyproject.toml
	@echo "setting up $(DEVICE): device dependencies only"
	@$(PYTHON) -m venv $(DEVICE) || { echo "python3 lacks venv: apt install python3-venv"; exit 1; }
	@$(DEVICE)/bin/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(DEV)/ready: pyproject.toml
	@echo "setting up $(DEV): everything that tests, training and conversion need"
	@$(PYTHON) -m venv $(DEV) || { echo "python3 lacks venv: apt install python3-venv"; exit 1; }
	@$(DEV)/bin/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

# On 32-bit ARM there is no ai-edge-litert to install; here it is taken out again.
$(LEGACY)/ready: pyproject.toml
	@echo "setting up $(LEGACY): device dependencies, and tflite-runtime as the only runtime"
	@$(LEGACY_PYTHON) -m venv $(LEGACY) || { echo "give LEGACY_PYTHON=a Python 3.10 or 3.11"; exit 1; }
	@$(LEGACY)/bin/pip install --quiet --disable-pip-version-check -e '.[legacy,watch,test]'
	@$(LEGACY)/bin/pip uninstall --quiet --yes ai-edge-litert
	@touch $@

$(PEERS)/ready: benchmarks/peers/requirements.txt
	@echo "setting up $(PEERS): what edge-all is compared with"
	@$(PYTHON) -m venv $(PEERS) || { echo "python3 lacks venv: apt install python3-venv"; exit 1; }
	@$(PEERS)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

clean:
	rm -rf build dist $(DEVICE) $(DEV) $(PEERS) $(LEGACY)
