"""The page as Python sees it: what it is made of, and that messages reach a method without keeping its object alive."""

import gc
import re
import weakref

import styletools as st
from styletools.studio.panel import FRONT, Panel


class Listener:
    """Notes what it hears."""

    def __init__(self):
        self.heard = []

    def hear(self, message, buffers):
        self.heard.append((message, buffers))


def test_messages_are_handed_on_and_keep_nobody_alive():
    panel, listener = Panel(), Listener()
    panel.obey(listener.hear)
    panel._handle_custom_msg({"do": "start"}, [b"x"])
    assert listener.heard == [({"do": "start"}, [b"x"])]
    there = weakref.ref(listener)
    del listener
    gc.collect()
    assert there() is None
    panel._handle_custom_msg({"do": "start"}, [])
    panel.close()


def test_what_is_told_once(monkeypatch):
    panel, sent = Panel(), []
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append((content, buffers)))
    panel.tell("file", [b"x"], name="a.png")
    panel.tell("beat")
    assert sent == [({"kind": "file", "name": "a.png"}, [b"x"]), ({"kind": "beat"}, None)]
    panel.close()


def test_a_closed_panel_may_still_be_written_to():
    panel = Panel()
    panel.close()
    panel.tell("beat")
    panel.painting = b"x"


def test_the_page_is_one_module_of_all_its_files():
    """Joined as text: a name that two files declare, or a second `export`, would take the whole page away."""
    text = "".join(path.read_text(encoding="utf8") for path in sorted(FRONT.glob("*.js")))
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.MULTILINE)
    assert sorted(names) == sorted(set(names))
    assert len(re.findall(r"^export ", text, re.MULTILINE)) == 1
    assert re.findall(r"^import ", text, re.MULTILINE) == []


def test_the_page_asks_for_nothing_on_a_network():
    for path in FRONT.iterdir():
        addresses = re.findall(
            r"(?:https?:)?//[a-z][\w.-]+\.[a-z]{2,}|@import|url\((?!['\"]?data:)", path.read_text(encoding="utf8")
        )
        assert [one for one in addresses if "www.w3.org" not in one] == [], path.name


def test_the_page_and_python_speak_of_the_same_values():
    """Every trait that the page reads is there."""
    text = "".join(path.read_text(encoding="utf8") for path in FRONT.glob("*.js"))
    read = set(re.findall(r"(?:line|model)\.(?:listen|get)\(\"(\w+)\"", text))
    assert read
    assert read <= set(Panel.class_trait_names(sync=True))


def test_what_a_reader_without_a_kernel_sees():
    studio = st.Studio(size=32)
    data, _ = studio._repr_mimebundle_()
    assert data["text/plain"] == "the studio's panel: run this notebook to see it"
    studio.close()
