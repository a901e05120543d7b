.PHONY: demo test gui lint
demo test gui lint:
	python3 dev.py $@
