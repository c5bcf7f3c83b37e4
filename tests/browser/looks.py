"""What an eye and a screen reader would find wrong on a page that shows the studio."""

from pathlib import Path

AXE = Path(__file__).with_name("axe.min.js")  # Mozilla Public License 2.0, see README.md
CUT_OFF = """root => { const faults = [], outer = root.getBoundingClientRect();
    const name = e => `${e.tagName.toLowerCase()}.${e.className.baseVal ?? e.className}`;
    for (const e of root.querySelectorAll('*')) {
        if (e.closest('svg, dialog, .st-strip, .st-file, .st-frame img, .st-ink-place')) continue;
        if (!e.checkVisibility({visibilityProperty: true})) continue;
        const r = e.getBoundingClientRect(), s = getComputedStyle(e);
        if (r.width < 2 || r.height < 2 || s.clipPath === 'inset(50%)') continue;
        if (r.right > Math.min(outer.right, innerWidth) + 1 || r.left < outer.left - 1)
            faults.push(`sticks out: ${name(e)} from ${r.left} to ${r.right}`);
        for (const [o, inside, room] of [[s.overflowX, e.scrollWidth, e.clientWidth],
                                         [s.overflowY, e.scrollHeight, e.clientHeight]])
            if ((o === 'auto' || o === 'scroll') && inside > room + 1) faults.push(`scrolls: ${name(e)}, ${inside} in ${room}`);
        for (let up = e.parentElement; up && up !== root.parentElement; up = up.parentElement) {
            const around = up.getBoundingClientRect(), hides = getComputedStyle(up);
            if (hides.position === 'fixed') break;
            if (hides.overflowX !== 'visible' && (r.right > around.right + 1 || r.left < around.left - 1)
                || hides.overflowY !== 'visible' && (r.bottom > around.bottom + 1 || r.top < around.top - 1))
                { faults.push(`cut off: ${name(e)} by ${name(up)}`); break }
        }
    }
    return faults }"""
OVERLAP = """names => { const faults = [];
    const boxes = names.flatMap(n => [...document.querySelectorAll(n)].map(e => [n, e.getBoundingClientRect()]))
        .filter(b => b[1].width);
    boxes.forEach(([a, r], i) => boxes.slice(i + 1).forEach(([b, q]) => {
        if (r.left < q.right - 1 && q.left < r.right - 1 && r.top < q.bottom - 1 && q.top < r.bottom - 1)
            faults.push(`${a} on ${b}`) }));
    return faults }"""
PARTS = [
    ".st-equation", ".st-tools", ".st-stage", ".st-heats", ".st-timeline", ".st-transport", ".st-alpha", ".st-beta", ".st-tv",
    ".st-bar", ".st-losses", ".st-grams", ".st-strip-head",
]  # fmt: skip
IN_SIGHT = [
    ".st-drop-content", ".st-drop-style", ".st-state", ".st-stage", ".st-heats", ".st-timeline", ".st-start", ".st-alpha",
    ".st-beta", ".st-tv", ".st-bar", ".st-losses", ".st-gram",
]  # fmt: skip


def cut_off(page):
    """Elements of the panel that stick out of it, of the window or of what holds them, inner scroll bars, and overlaps."""
    sideways = page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
    faults = page.locator(".st-studio").evaluate(CUT_OFF) + page.evaluate(OVERLAP, PARTS)
    return [*faults, *(["the page scrolls sideways"] if sideways else [])]


def out_of_sight(page, parts=IN_SIGHT):
    """What a class needs and would have to scroll for."""
    height = page.viewport_size["height"]
    boxes = {part: page.locator(part).first.bounding_box() for part in parts}
    return [part for part, box in boxes.items() if box is None or box["y"] < 0 or box["y"] + box["height"] > height + 1]


def room_of_stage(page):
    """The part of the window that is there for the painting."""
    box, window = page.locator(".st-stage").bounding_box(), page.viewport_size
    return box["width"] * box["height"] / (window["width"] * window["height"])


def unfit_for_some(page):
    """What axe-core calls serious or critical inside the studio."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(f"{AXE.read_text(encoding='utf8')}; undefined")
    found = page.evaluate("axe.run(document.querySelector('.st-studio'), {resultTypes: ['violations']})")
    grave = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html'][:160]} ({node['failureSummary'][:200]})" for one in grave for node in one["nodes"]]


def note_requests(page, own):
    """A list that fills with every request that goes to another host than `own` and is not stopped by the page itself."""
    away, stopped = [], set()
    local = (own, own.replace("http", "ws"), "data:", "blob:", "about:")
    page.on("request", lambda request: request.url.startswith(local) or away.append(request))
    page.on("websocket", lambda socket: socket.url.startswith(local) or away.append(socket))
    page.on("requestfailed", lambda request: request.failure == "csp" and stopped.add(request))
    return lambda: [one.url for one in away if one not in stopped]
