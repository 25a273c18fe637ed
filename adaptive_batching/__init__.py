"""The tools of the project: a Lambda on this machine, and the experiment. This package never imports `extension`."""
