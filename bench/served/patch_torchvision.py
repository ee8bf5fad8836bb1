"""Let PyPI's torchvision, a build for CUDA, be imported beside PyTorch's CPU build: declares the operators it asks for.

Run once by the Python whose environment is changed.
"""

import sysconfig
from pathlib import Path

HOOK = '''"""Declares torchvision's operators, whose library doesn't load beside PyTorch's CPU build."""
import importlib.abc, sys

class Declare(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch
            self.library = torch.library.Library("torchvision", "DEF")
            for operator in ("nms", "qnms"):
                self.library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            sys.torchvision_declared = self

sys.meta_path.insert(0, Declare())
'''

if __name__ == "__main__":
    site = Path(sysconfig.get_paths()["purelib"])
    (site / "declare_torchvision.py").write_text(HOOK)
    (site / "declare_torchvision.pth").write_text("import declare_torchvision\n")
