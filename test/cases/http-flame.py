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
    b.screenshot("compared.png")

    b.open(host.url + "flame?profile=allocs&seconds=1")
    await_frame(b, "keep_some")
    check("Over" in b.js("return document.querySelector('#facts').innerText"), "over one second")
    b.open(host.url + "flame?profile=nope")
    check(wait_for(lambda: "Unknown profile" in b.js("return document.body.innerText")), "errors show")
    for entry in b.call("POST", "/se/log", {"type": "browser"}):
        # The index is Go's, byte for byte, and names no icon.
        check(re.search("nope|favicon", entry["message"]), "the browser complains: " + entry["message"])
