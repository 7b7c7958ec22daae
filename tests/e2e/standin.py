"""The study of the stand-in training program on a cluster: trials pause at rungs, and go on from their checkpoints."""

STUDY = """
name: standin
trainable:
  command: ["{environment}/bin/standin-train", "{{config}}"]
  template: {template}
  overwrite: {{seed: "{{seed}}", epochs: "{{epochs}}"}}
  metrics: {{files: results.txt, format: jsonl, where: {{mode: eval}}}}
  keys: {{loss: loss}}
  checkpoint: {{files: "checkpoints/*.pt", epoch: 'epoch-(\\d+)'}}
  resume: same
space:
  lr: {{float: [0.01, 1.0], log: true}}
metric: loss
strategy: asha-promote
epochs: 9
budget: {{trials: 9}}
confirm: {{top: 0}}
log: []
"""


def standin_study(environment: str, template: str) -> str:
    """Its text. ``environment``: the folder with the program's environment; ``template``: the program's configuration file."""
    return STUDY.format(environment=environment, template=template)
