"""Which messages are spoken, in which version (TA-O-9), and how their models are loaded: late and one by one."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import cache
from threading import Lock
from typing import Any

from libs.iso20022.errors import Fault, Reason

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"

# Kind → the version that python-iso20022 has, and the element under Document.
SPOKEN: dict[str, tuple[str, str]] = {
    "camt.040": ("camt.040.001.04", "FndEstmtdCshFcstRpt"),
    "camt.041": ("camt.041.001.04", "FndConfdCshFcstRpt"),
    "reda.001": ("reda.001.001.04", "PricRpt"),
    "reda.002": ("reda.002.001.04", "PricRptCxl"),
    "semt.002": ("semt.002.001.11", "SctiesBalCtdyRpt"),
    "sese.001": ("sese.001.001.09", "TrfOutInstr"),
    "sese.002": ("sese.002.001.09", "TrfOutCxlReq"),
    "sese.003": ("sese.003.001.09", "TrfOutConf"),
    "sese.005": ("sese.005.001.09", "TrfInInstr"),
    "sese.006": ("sese.006.001.09", "TrfInCxlReq"),
    "sese.007": ("sese.007.001.09", "TrfInConf"),
    "sese.011": ("sese.011.001.09", "TrfInstrStsRpt"),
    "setr.001": ("setr.001.001.04", "RedBlkOrdr"),
    "setr.002": ("setr.002.001.04", "RedBlkOrdrCxlReq"),
    "setr.003": ("setr.003.001.04", "RedBlkOrdrConf"),
    "setr.004": ("setr.004.001.04", "RedOrdr"),
    "setr.005": ("setr.005.001.04", "RedOrdrCxlReq"),
    "setr.006": ("setr.006.001.05", "RedOrdrConf"),
    "setr.007": ("setr.007.001.04", "SbcptBlkOrdr"),
    "setr.008": ("setr.008.001.04", "SbcptBlkOrdrCxlReq"),
    "setr.009": ("setr.009.001.04", "SbcptBlkOrdrConf"),
    "setr.010": ("setr.010.001.04", "SbcptOrdr"),
    "setr.011": ("setr.011.001.04", "SbcptOrdrCxlReq"),
    "setr.012": ("setr.012.001.05", "SbcptOrdrConf"),
    "setr.013": ("setr.013.001.04", "SwtchOrdr"),
    "setr.014": ("setr.014.001.04", "SwtchOrdrCxlReq"),
    "setr.015": ("setr.015.001.04", "SwtchOrdrConf"),
    "setr.016": ("setr.016.001.04", "OrdrInstrStsRpt"),
    "setr.017": ("setr.017.001.04", "OrdrCxlStsRpt"),
    "setr.047": ("setr.047.001.02", "SbcptOrdrConfCxlInstr"),
    "setr.051": ("setr.051.001.02", "RedOrdrConfCxlInstr"),
    "setr.055": ("setr.055.001.02", "SwtchOrdrConfCxlInstr"),
}

# An incoming message: the elements down to its entries (orders, references, prices), which are read one by one.
ENTRIES: dict[str, tuple[str, ...]] = {
    "reda.001": ("PricValtnDtls",),
    "sese.001": ("TrfDtls",),
    "sese.002": ("TrfRefs",),
    "sese.005": ("TrfDtls",),
    "sese.006": ("TrfRefs",),
    "setr.001": ("BlkOrdrDtls", "IndvOrdrDtls"),
    "setr.002": ("OrdrRefs",),
    "setr.004": ("MltplOrdrDtls", "IndvOrdrDtls"),
    "setr.005": ("OrdrRefs",),
    "setr.007": ("BlkOrdrDtls", "IndvOrdrDtls"),
    "setr.008": ("OrdrRefs",),
    "setr.010": ("MltplOrdrDtls", "IndvOrdrDtls"),
    "setr.011": ("OrdrRefs",),
    "setr.013": ("SwtchOrdrDtls",),
    "setr.014": ("OrdrRefs",),
}

_loading = Lock()


def version_of(kind: str) -> str:
    """The spoken version of a kind: `setr.010` → `setr.010.001.04`."""
    return SPOKEN[kind][0]


def kind_in(namespace: str) -> str:
    """The kind of an incoming message by its namespace; raises Fault naming what was sent and what is spoken (O-9)."""
    version = namespace.removeprefix(NAMESPACE)
    parts = version.split(".")
    if version == namespace or len(version) > 20 or len(parts) != 4 or not version.isascii():
        raise Fault(Reason.WRONG_NAMESPACE, "/Document", f"the namespace is not one of {NAMESPACE}…")
    kind = f"{parts[0]}.{parts[1]}"
    if kind not in ENTRIES:
        raise Fault(Reason.UNKNOWN_MESSAGE, "/Document", f"{kind} is not read here; read are {', '.join(ENTRIES)}")
    if version != version_of(kind):
        raise Fault(Reason.WRONG_VERSION, "/Document", f"{version} is not spoken; {version_of(kind)} is")
    return kind


@cache
def model(kind: str) -> type[Any]:
    """The dataclass of a whole message of this kind.

    Imports that one module only: the packages of python-iso20022 import a whole business area each (1 to 3 s and up to
    90 MB), so they stand in sys.modules unexecuted while the module below them is loaded.
    """
    version = version_of(kind).replace(".", "_")
    area = f"python_iso20022.{version[:4]}"
    with _loading:
        borrowed = [name for name in (area, f"{area}.{version}") if _unexecuted(name)]
        try:
            module = importlib.import_module(f"{area}.{version}.models")
        finally:
            for name in borrowed:
                sys.modules.pop(name, None)
    found: type[Any] = getattr(module, version.title().replace("_", ""))
    return found


def _unexecuted(name: str) -> bool:
    if name in sys.modules:
        return False
    importlib.import_module("python_iso20022")
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ImportError(f"{name} is not in python-iso20022")
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return True
