.PHONY: demo test gui
demo test gui:
	python3 dev.py $@
