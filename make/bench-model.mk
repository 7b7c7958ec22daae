# Benchmarks of the model and of the trainable; figures in docs/performance.md come from here.
.PHONY: bench-epoch bench-turnover bench-exploit bench-operations

bench-epoch: setup ## seconds per epoch beside PyTorch Geometric (ARGS="--threads 1")
	$(PYTHON) benchmarks/epoch.py $(ARGS)

bench-turnover: setup ## seconds between two trials on a reused worker
	$(PYTHON) benchmarks/turnover.py $(ARGS)

bench-exploit: setup ## seconds that a PBT exploit keeps workers from training (ARGS="--epochs 30")
	$(PYTHON) benchmarks/exploit.py $(ARGS)

bench-operations: setup ## processor time of the operations that a convolution is made of
	$(PYTHON) benchmarks/operations.py
