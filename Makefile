DATA ?= ../shared/data/cnmc
TRAIN_PYTHON ?= .venv/bin/python
# Each fold holds out one of the three healthy people most crops come from, and other patients.
FOLD_H22 = H22,2,16,33,44
FOLD_H10 = H10,13,34
FOLD_H14 = H14,32,38

train-cnn:
	for fold in H22:$(FOLD_H22) H10:$(FOLD_H10) H14:$(FOLD_H14); do \
	  $(TRAIN_PYTHON) -m train cnn --data $(DATA) --precision mixed_bfloat16 \
	    --hold-out "$${fold#*:}" --out build/train/$${fold%%:*} || exit 1; \
	done
