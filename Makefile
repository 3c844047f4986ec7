# Everything that can be done with edge-all, from a fresh clone with python3 and make; make clean tidies up.
#   make classify [CROPS=folder]   classify crops; draws sample cells by default
#   make test                      style, types and tests
#   make test-slow                 what takes a minute or more; training on JAX and PyTorch too (downloads PyTorch)
#   make test-robustness           thousands of bad inputs (10 minutes); make test-legacy: the device side on
#                                  tflite-runtime alone, as on 32-bit ARM (LEGACY_PYTHON=)
#   make matrix [CELLS=folder] [QUICK=1]   the same cells on every Python, runtime and (emulated) processor
#   make wheelhouse ARCH=aarch64 PYTHON=3.11   wheels for a device without a network: docs/install.md
#   make docs                      the reference and the pictures in docs/; DATA=folder: make scale, make drift, make field_control, make bench-fields
#   make soak [SECONDS=n]          the service with all that goes wrong, for an hour
#   make convert [MODELS=files] [CELLS=folder]     Keras models -> verified int8 model files, in build/convert
#   make bench [CROPS=folder] [NETWORKS=files] [MANY=n]   speed and memory, beside peers where an .onnx lies
# With labelled crops, for hours on a processor; killed, the same command goes on. studies/ says what is trained.
#   make study DATA=folder [EPOCHS=n]         the paper's split and people held out: docs/part-of-cnmc
#   make recipes DATA=folder WIDE=folder      which recipe holds for people never seen: build/recipes/report
#   make train-cnn DATA=folder [EPOCHS=n]     the network that ships; make release DATA=folder ships it
#   make train-large DATA=folder [EPOCHS=n]   VGG-16 and ResNet-50; make reports DATA=folder converts all three
PYTHON ?= python3
LEGACY_PYTHON ?= python3.11
CROPS ?= build/samples
NETWORKS ?= edge/models/cnn.tflite
pip = $(1)/bin/pip install --quiet --disable-pip-version-check
draw = test "$(CROPS)" != build/samples || .venv-device/bin/edge-all samples build/samples -n
data = $(or $(DATA),$(error give DATA=folder with hem/ and all/ folders of crops))
STUDY = .venv/bin/edge-all-train study --data $(data) $(if $(EPOCHS),--epochs $(EPOCHS))
BAND := .venv/bin/edge-all-calibrate probabilities --missed 0.1 --false-alarms 0.1

.PHONY: classify test test-slow test-legacy test-robustness docs convert bench bench-fields scale drift field_control soak matrix wheelhouse clean study recipes train-cnn release train-large reports
classify: .venv-device/ready
	@$(draw) 24 && .venv-device/bin/edge-all classify $(CROPS)
test: .venv/ready  # in two processes: threads that OpenMP starts as well make them wait for each other
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	OMP_NUM_THREADS=1 .venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder
test-slow: .venv/ready
	$(call pip,.venv) torch==2.13.0
	OMP_NUM_THREADS=1 .venv/bin/pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder
test-legacy: .venv-legacy/ready
	@.venv-legacy/bin/edge-all --version | grep 'tflite-runtime 2.14.0' || { echo "give LEGACY_PYTHON=python3.10 or python3.11"; exit 1; }
	OMP_NUM_THREADS=1 .venv-legacy/bin/pytest --device -rs -n 2 --dist loadfile --no-loadscope-reorder
test-robustness: .venv/ready ; .venv/bin/pytest -m robustness tests/edge/decoding/test_robustness.py tests/edge/decoding/test_decode_bombs.py
docs: .venv/ready ; .venv/bin/python docs/make_reference.py && .venv/bin/python docs/make_pictures.py
convert: .venv/ready ; .venv/bin/edge-all-convert run $(or $(MODELS),train/released/cnn.keras) $(if $(CELLS),--cells $(CELLS)) --out build/convert
bench: .venv-device/ready $(if $(wildcard $(NETWORKS:.tflite=.onnx)),.venv-peers/ready)
	@$(draw) 200 && .venv-device/bin/python benchmarks/classify.py $(CROPS) --models $(NETWORKS) --many $(or $(MANY),100000)
scale drift bench-fields field_control: %: .venv/ready ; .venv/bin/python benchmarks/$(@:bench-%=%).py $(data)
soak: .venv/ready ; .venv/bin/python benchmarks/soak.py --seconds $(or $(SECONDS),3600)
matrix: .venv/ready ; .venv/bin/python tests/matrix $(if $(CELLS),--cells $(CELLS)) $(if $(QUICK),--quick)
wheelhouse: .venv/ready ; @.venv/bin/python docs/make_wheelhouse.py $(or $(ARCH),aarch64) $(PYTHON) build/wheelhouse
clean: ; rm -rf build dist .venv .venv-device .venv-peers .venv-legacy
study: .venv/ready ; $(STUDY) studies/part-of-cnmc.toml --out build/study --report docs/part-of-cnmc
recipes: .venv/ready ; $(STUDY) studies/recipes.toml --also wide=$(or $(WIDE),$(error give WIDE=folder)) --out build/recipes --report build/recipes/report
train-cnn train-large: train-%: .venv/ready
	$(STUDY) studies/$*.toml --out build/train
release: .venv/ready  # temperature and band come from other people than those it is measured on
	cp build/train/H22/cnn-best/cnn.keras build/train/H22/cnn-best/cnn.json train/released/
	$(BAND) build/train/H10/cnn-best/cnn-held-out.csv build/train/H14/cnn-best/cnn-held-out.csv --out train/released/cnn-calibration.json
	.venv/bin/edge-all-convert run train/released/cnn.keras --cells $(data) --out build/release
	cp build/release/cnn-ranges.json build/release/cnn-reference.json train/released/
	cp build/release/cnn.tflite edge/models/
reports: .venv/ready
	$(BAND) build/train/H14/vgg16-paper/vgg16-held-out.csv --out build/train/H22/vgg16-paper/vgg16-calibration.json
	$(BAND) build/train/H14/resnet50-best/resnet50-held-out.csv --out build/train/H22/resnet50-best/resnet50-calibration.json
	.venv/bin/edge-all-convert run train/released/cnn.keras build/train/H22/vgg16-paper/vgg16.keras build/train/H22/resnet50-best/resnet50.keras \
	  --cells $(data) --profile tflite-2.14 --onnx --out build/reports
	cp build/reports/*-report.json build/reports/*-report.md build/reports/*-report-*.svg docs/reports/

# What each environment holds besides edge-all itself; on 32-bit ARM there is no ai-edge-litert.
.venv/ready: EXTRAS := [dev]
.venv-legacy/ready: EXTRAS := [legacy,watch,test]
.venv-legacy/ready: PYTHON := $(LEGACY_PYTHON)
.venv/ready .venv-device/ready .venv-legacy/ready: %/ready: pyproject.toml
	@echo "setting up $*$(if $(filter %-device,$*),: device dependencies only)"
	@$(PYTHON) -m venv $* || { echo "$(PYTHON) lacks venv, or is not there: apt install python3-venv"; exit 1; }
	@$(call pip,$*) -e '.$(EXTRAS)'
	@test $* != .venv-legacy || $*/bin/pip uninstall --quiet --yes ai-edge-litert
	@touch $@
.venv-peers/ready: benchmarks/peers/requirements.txt ; @$(PYTHON) -m venv .venv-peers && $(call pip,.venv-peers) -r $< && touch $@
