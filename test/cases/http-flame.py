#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The index and the flame page in a real browser: found, searched, zoomed, compared."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import PROG, check, wait_for  # noqa: E402
from http_kit import Server  # noqa: E402

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--window-size=1280,800"]

if not shutil.which("chromium") or not shutil.which("chromedriver"):
    print("no chromium here")
    sys.exit(77)


def devtools_port():
    """The port the browser listens on, once it does: the first line of a file it writes."""
    try:
        with open("chromium/DevToolsActivePort") as f:
            return f.readline().strip()
    except OSError:
        return None


class Browser:
    """As much of WebDriver as this needs. The driver would call a browser it starts itself by
    the name localhost, which a bare Debian doesn't know."""

    def __init__(self):
        env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
        env["HOME"] = os.getcwd()
        self.log = open("driver.log", "wb")
        self.browser = subprocess.Popen(
            ["chromium", *FLAGS, "--remote-debugging-port=0", "about:blank",
             "--user-data-dir=" + os.path.abspath("chromium")],
            env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        check(wait_for(devtools_port), "chromium does not start")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], env=env, text=True,
                                       stdout=subprocess.PIPE, stderr=self.log)
        for line in self.driver.stdout:
            m = re.search(r"started successfully on port (\d+)", line)
            if m:
                self.base = "http://127.0.0.1:%s" % m[1]
                break
        options = {"debuggerAddress": "127.0.0.1:" + devtools_port()}
        got = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"}}}}, "")
        self.session = "/session/" + got["sessionId"]

    def call(self, method, path, body=None, session=None):
        url = self.base + (self.session if session is None else session) + path
        data = None if method != "POST" else json.dumps(body or {}).encode()
        r = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(r, timeout=60) as f:
                return json.load(f)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError(e.read().decode()) from e

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        try:
            self.call("DELETE", "")
        finally:
            for process in (self.driver, self.browser):
                process.terminate()
                process.wait(20)
            self.log.close()

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def find(self, css):
        return [e[ELEMENT] for e in self.call("POST", "/elements",
                                              {"using": "css selector", "value": css})]

    def click(self, css):
        self.call("POST", "/element/%s/click" % self.find(css)[0])

    def type(self, css, text):
        self.call("POST", "/element/%s/value" % self.find(css)[0], {"text": text})

    def js(self, code):
        return self.call("POST", "/execute/sync", {"script": code, "args": []})

    def cdp(self, command, **params):
        self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("GET", "/screenshot")))


FRAMES = """return [...document.querySelectorAll('.frame')].map(e =>
    [e.dataset.name, e.offsetWidth, e.className])"""


def frames(b):
    return {name: (width, kind.split()) for name, width, kind in b.js(FRAMES)}


def await_frame(b, name):
    check(wait_for(lambda: name in frames(b)),
          "no frame %s: %s" % (name, b.js("return document.body.innerText")[:500]))
    time.sleep(0.3)  # frames glide to their place
    return frames(b)


def said(b, css):
    return b.js("return document.querySelector('%s').innerText" % css)


def brightness(b, css):
    colour = b.js("return getComputedStyle(document.querySelector('%s')).backgroundColor" % css)
    return sum(int(v) for v in re.findall(r"\d+", colour)[:3]) / 3


def dark(b, url):
    """What the system is set to: dark pages, whose words are light."""
    check(brightness(b, "body") > 200, "light unless asked otherwise")
    b.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    check(wait_for(lambda: brightness(b, "body") < 60 and brightness(b, "header") < 60), "dark")
    b.screenshot("dark.png")
    b.open(url)
    check(b.js("return matchMedia('(prefers-color-scheme: dark)').matches"), "still dark")
    b.screenshot("dark-index.png")
    b.cdp("Emulation.setEmulatedMedia", features=[])


def narrow(b, url):
    """A window like a telephone's: nothing sticks out, all can be reached."""
    b.cdp("Emulation.setDeviceMetricsOverride", width=380, height=700, deviceScaleFactor=1, mobile=False)
    for page, css in (("", "table tr a"), ("flame?profile=allocs", ".frame")):
        b.open(url + page)
        check(wait_for(lambda: b.find(css)), "%s in %s" % (css, page))
        time.sleep(0.3)
        wide, room = b.js("const e = document.documentElement; return [e.scrollWidth, e.clientWidth]")
        check(wide <= room <= 380, "the page %s is %d wide, in %d" % (page, wide, room))
    for css in ("#type", "#search", "#reset", "#base", "#fetch", "#file"):
        box = b.js("const r = document.querySelector('%s').getBoundingClientRect();"
                   "return [r.left, r.right, r.width]" % css)
        check(box[0] >= 0 and box[1] <= 380 and box[2] > 40, "%s at %s" % (css, box))
    b.screenshot("narrow.png")
    b.cdp("Emulation.clearDeviceMetricsOverride")


def deep(b, url):
    """A stack of a hundred frames: all are there, the last can be seen and zoomed into."""
    b.open(url + "flame?profile=allocs")
    check(wait_for(lambda: len(b.find(".frame")) > 100), "frames: %d" % len(b.find(".frame")))
    last = ("const all = [...document.querySelectorAll('.frame')];"
            "const last = all.reduce((a, e) => e.offsetTop > a.offsetTop ? e : a);")
    check(b.js(last + "return last.offsetTop") > 2000, "so the graph is high")
    b.js(last + "last.scrollIntoView(); last.id = 'last'")
    seen = b.js("const r = document.querySelector('#last').getBoundingClientRect();"
                "return r.top >= 0 && r.bottom <= innerHeight")
    check(seen, "the last can be scrolled to")
    b.screenshot("deep.png")
    b.js("document.querySelector('#last').click()")
    check(wait_for(lambda: b.js("return document.querySelectorAll('.above').length") > 100), "zoomed in")
    b.js("dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")


def cpu(b, url):
    b.open(url + "flame?profile=cpu&seconds=1")
    check("Recording for 1 s" in said(b, "#message"), "it says that it records")
    await_frame(b, "burn")
    check(said(b, "#type").strip() and "Over" in said(b, "#facts"), "over one second")
    b.screenshot("cpu.png")


def empty(b, url):
    b.open(url + "flame?profile=mutex")
    check(wait_for(lambda: said(b, "#message") == "No samples yet."), "empty: " + said(b, "body"))
    check(not b.find(".frame") or not b.js("return document.querySelector('#graph').offsetHeight"), "no frames")
    b.screenshot("empty.png")
    b.open(url + "flame?profile=mutex&seconds=1")
    check(wait_for(lambda: said(b, "#message").startswith("No samples in 1")), "empty: " + said(b, "#message"))


with Server([os.path.join(PROG, "httphost")], CPROF_HEAP_RATE=4096) as host, Browser() as b:
    b.open(host.url)
    check(b.js("return document.title") == "/debug/pprof/", "the index's title")
    check(len(b.find("table tr a")) >= 4, "the index's links")
    b.screenshot("index.png")

    b.click("a[href='flame?profile=heap']")
    got = await_frame(b, "keep_some")
    whole = got["all"][0]
    check(whole > 1000 and {"main", "work"} <= set(got), "frames %s" % got)
    check(b.js("return document.querySelector('#type').selectedOptions[0].text") == "inuse space",
          "the type that is shown first")
    b.screenshot("flame.png")

    target = "keep_little"
    before = got[target][0]
    check(0 < before < whole / 2, "a narrow frame: %s" % got)
    b.click(".frame[data-name='%s']" % target)
    got = await_frame(b, target)
    check(got[target][0] == whole, "a click zooms: %s" % got)
    check("above" in got["all"][1], "what is above is dimmed: %s" % got)
    check(not b.js("return document.querySelector('#reset').disabled"), "one can go back")
    b.screenshot("zoomed.png")
    b.click("#reset")
    got = await_frame(b, target)
    check("above" not in got["all"][1], "reset: %s" % got)

    b.type("#search", "KEEP")
    got = frames(b)
    check("yes" in got["keep_some"][1] and "no" in got["main"][1], "search: %s" % got)
    check("Found" in b.js("return document.querySelector('#facts').innerText"), "sum of the found")
    b.js("document.querySelector('#search').value = '';"
         "document.querySelector('#search').dispatchEvent(new Event('input'))")

    total = "return document.querySelector('#facts b').textContent"
    first = b.js(total)
    b.js("const t = document.querySelector('#type'); t.value = 0; t.dispatchEvent(new Event('change'))")
    check(wait_for(lambda: b.js(total) != first), "another type, another total")
    b.click("#base")
    time.sleep(0.5)
    b.click("#fetch")
    check(wait_for(lambda: "+" in b.js("return document.querySelector('#facts').innerText")),
          "a difference to an earlier one")
    check("grew" in said(b, "#facts"), "what the colours mean")
    b.screenshot("compared.png")
    dark(b, host.url)
    empty(b, host.url)
    with Server([os.path.join(PROG, "httpbusy"), "110"], CPROF_HEAP_RATE=4096, CPROF_DIR="busy") as busy:
        deep(b, busy.url)
        cpu(b, busy.url)
        narrow(b, busy.url)

    b.open(host.url + "flame?profile=allocs&seconds=1")
    await_frame(b, "keep_some")
    check("Over" in b.js("return document.querySelector('#facts').innerText"), "over one second")
    b.open(host.url + "flame?profile=nope")
    check(wait_for(lambda: "Unknown profile" in b.js("return document.body.innerText")), "errors show")
    for entry in b.call("POST", "/se/log", {"type": "browser"}):
        # The index is Go's, byte for byte, and names no icon.
        check(re.search("nope|favicon", entry["message"]), "the browser complains: " + entry["message"])
