# Everything that can be done with edge-all, from a fresh clone with python3 and make:
#   make classify [CROPS=folder]       classify crops; draws sample cells by default
#   make test                          style, types and tests
#   make test-backends | test-legacy | test-robustness    docs/development.md says what each is
#   make convert [MODELS=] [CELLS=]    Keras models -> verified int8 model files in build/convert
#   make bench [CROPS=] [NETWORKS=] [MANY=0]    speed and memory beside OpenVINO and onnxruntime
#   make study | train-cnn | train-large DATA=folder [EPOCHS=n]   the runs that studies/ names
#   make release | reports DATA=folder    ship the network of train-cnn; reports of all three
PYTHON ?= python3
LEGACY_PYTHON ?= python3.11
CROPS ?= build/samples
MODELS ?= train/released/cnn.keras
NETWORKS ?= edge/models/cnn.tflite
MANY ?= 100000
BIN := .venv/bin
TRAIN = $(BIN)/edge-all-train study studies/$(1).toml --data $(DATA) $(if $(EPOCHS),--epochs $(EPOCHS))
PROBABILITIES := $(BIN)/edge-all-calibrate probabilities
BAND := --missed 0.1 --false-alarms 0.1
pip = $(1)/bin/pip install --quiet --disable-pip-version-check

.PHONY: classify test test-backends test-legacy test-robustness convert bench study train-cnn train-large release reports clean data
classify: .venv-device/ready
	@test "$(CROPS)" != build/samples || .venv-device/bin/edge-all samples build/samples
	@.venv-device/bin/edge-all classify $(CROPS)
test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile
test-backends: .venv/ready
	$(call pip,.venv) torch==2.13.0
	$(BIN)/pytest tests/train/test_backends.py
test-legacy: .venv-legacy/ready
	@.venv-legacy/bin/edge-all --version | grep 'tflite-runtime 2.14.0' \
	  || { echo "tflite-runtime needs LEGACY_PYTHON=python3.10 or python3.11"; exit 1; }
	.venv-legacy/bin/pytest --device -rs -n 2 --dist loadfile
test-robustness: .venv/ready
	$(BIN)/pytest -m robustness
convert: .venv/ready
	$(BIN)/edge-all-convert run $(MODELS) $(if $(CELLS),--cells $(CELLS)) --out build/convert
bench: .venv-device/ready $(if $(wildcard $(NETWORKS:.tflite=.onnx)),.venv-peers/ready)
	@test "$(CROPS)" != build/samples || .venv-device/bin/edge-all samples build/samples -n 200
	@.venv-device/bin/python benchmarks/classify.py $(CROPS) --models $(NETWORKS) --many $(MANY)

# Hours on a processor; killed, each goes on where it was.
study: data
	$(call TRAIN,part-of-cnmc) --out build/study --report docs/part-of-cnmc
train-cnn: data
	$(call TRAIN,cnn) --out build/train
train-large: data
	$(call TRAIN,large) --out build/train
# Temperature and refer band come from other folds than the one whose people are reported.
release: data
	mkdir -p train/released
	cp build/train/H22/cnn-best/cnn.keras build/train/H22/cnn-best/cnn.json train/released/
	$(PROBABILITIES) build/train/H10/cnn-best/cnn-held-out.csv \
	  build/train/H14/cnn-best/cnn-held-out.csv $(BAND) --out train/released/cnn-calibration.json
	$(BIN)/edge-all-convert run train/released/cnn.keras --cells $(DATA) --out build/release
	cp build/release/cnn-ranges.json build/release/cnn-reference.json train/released/
	cp build/release/cnn.tflite edge/models/
reports: data
	$(PROBABILITIES) build/train/H14/vgg16-paper/vgg16-held-out.csv $(BAND) --out build/train/H22/vgg16-paper/vgg16-calibration.json
	$(PROBABILITIES) build/train/H14/resnet50-best/resnet50-held-out.csv $(BAND) --out build/train/H22/resnet50-best/resnet50-calibration.json
	$(BIN)/edge-all-convert run train/released/cnn.keras build/train/H22/vgg16-paper/vgg16.keras build/train/H22/resnet50-best/resnet50.keras \
	  --cells $(DATA) --profile tflite-2.14 --onnx --out build/reports
	for network in cnn vgg16 resnet50; do \
	  $(BIN)/edge-all-convert report build/reports/$$network-report.json --out docs/reports || exit; \
	done
	rm docs/reports/*.html docs/reports/*.junit.xml
data: .venv/ready
	@test -n "$(DATA)" || { echo "give DATA=folder with hem/ and all/ folders of crops"; exit 2; }

# What each environment holds besides edge-all itself; on 32-bit ARM there is no ai-edge-litert.
.venv-device/ready: EXTRAS :=
.venv/ready: EXTRAS := [dev]
.venv-legacy/ready: EXTRAS := [legacy,watch,test]
.venv-legacy/ready: PYTHON := $(LEGACY_PYTHON)
.venv/ready .venv-device/ready .venv-legacy/ready: %/ready: pyproject.toml
	@echo "setting up $*$(if $(filter %-device,$*),: device dependencies only)"
	@$(PYTHON) -m venv $* || { echo "$(PYTHON) lacks venv, or is not there: apt install python3-venv"; exit 1; }
	@$(call pip,$*) -e '.$(EXTRAS)'
	@test $* != .venv-legacy || $*/bin/pip uninstall --quiet --yes ai-edge-litert
	@touch $@
.venv-peers/ready: benchmarks/peers/requirements.txt
	@$(PYTHON) -m venv .venv-peers && $(call pip,.venv-peers) -r $< && touch $@
clean:
	rm -rf build dist .venv .venv-device .venv-peers .venv-legacy
