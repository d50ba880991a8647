"""The HTML page in a headless browser: open, filter, search, without network, without overflow, dark and light, and
without scripts."""
import json
import os
import shutil
import tempfile

import kit
from kit import Case, everything, frame, inversion, main, race, side, start, text_of

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (BROWSER and DRIVER):
    kit.skip_all("chromium and chromedriver (chromium-driver)")
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    kit.skip_all("python3-selenium")

NASTY = "<script>document.title='broken'</script><img src=x onerror=document.title='broken'>"
LONG = "a_function_with_a_name_that_does_not_end_" * 8


def browser(profile):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
                 "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir=" + profile):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service(DRIVER), options=options)


class Page(Case):
    @classmethod
    def setUpClass(cls):
        cls.profile = tempfile.mkdtemp(prefix="ravel-page-")
        cls.browser = browser(cls.profile)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        shutil.rmtree(cls.profile, ignore_errors=True)

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("src/shop"))
        with open(self.path("src/shop/cart.c"), "w") as f:
            f.write("".join("int line_%d; // %s\n" % (i, "x" * (i % 150)) for i in range(1, 600)))
        self.write("log", (everything() + text_of(
            start(200, process="till"), race("00000000000000e1", 200, test=NASTY, process="till", title=NASTY, sides=[
                side(1, stack=[frame(NASTY)]), side(2, stack=[frame(LONG, "/" + LONG + "/x.c")])],
                location={"where": "global", "name": NASTY}),
            inversion(14, "00000000000000c9", 200))).replace("/src/shop/", self.path("src/shop/")))
        self.size(1280, 900)
        self.media("light")

    def size(self, width, height):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                     dict(width=width, height=height, deviceScaleFactor=1, mobile=width < 500))

    def media(self, scheme):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                     {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, *states, then=""):
        """Writes the page and opens it; forgets what the browser logged before."""
        self.write("page.html", kit.Case.states(self, "log", "html", *states, root=self.dir))
        self.browser.get("about:blank")
        self.browser.get_log("browser"), self.browser.get_log("performance")
        self.browser.get("file://" + self.path("page.html") + then)

    def run_js(self, code, *args):
        return self.browser.execute_script(code, *args)

    def visible(self):
        return self.run_js("return [...document.querySelectorAll('.finding')].filter(f => f.checkVisibility()).map(f => f.id)")

    def find(self, css):
        return self.browser.find_element(By.CSS_SELECTOR, css)

    def assert_quiet(self):
        """No message on the console, and nothing loaded but the page itself."""
        self.assertEqual(self.browser.get_log("browser"), [])
        messages = [json.loads(e["message"])["message"] for e in self.browser.get_log("performance")]
        loaded = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        self.assertEqual([u for u in loaded if not u.startswith(("file://" + self.dir.replace(" ", "%20"), "data:"))], [])

    def test_open_and_expand(self):
        self.open()
        self.assertEqual(len(self.visible()), 8)
        self.find("[id='00000000000000a1'] summary").click()
        body = self.find("[id='00000000000000a1'] .body").text
        for part in ("guard both with one mutex", "Write of size 4", "Read of size 4", "Holds no lock", "Fingerprint"):
            self.assertIn(part, body)
        self.assertEqual(len(self.browser.find_elements(By.CSS_SELECTOR, "[id='00000000000000a1'] .side")), 2)
        self.assertIn("no order", self.find("[id='00000000000000a1'] svg").get_attribute("textContent"))
        self.find("[id='00000000000000c3'] summary").click()
        graph = self.find("[id='00000000000000c3'] svg")
        self.assertEqual(len(graph.find_elements(By.CSS_SELECTOR, ".pw")), 3)
        self.assertEqual(len(graph.find_elements(By.CSS_SELECTOR, ".pc")), 3)
        self.assertTrue(self.run_js("return location.hash") == "#00000000000000c3")
        self.assert_quiet()

    def test_search_and_filters(self):
        self.open("00000000000000a1=known", "00000000000000f1=suppressed:third party", "0000000000000fff=fixed")
        self.assertEqual(len(self.visible()), 9)
        search = self.find("#q")
        search.send_keys("TOTAL serve")
        self.assertEqual(self.visible(), ["00000000000000a1"])
        self.assertEqual(self.find("#shown").text, "1 of 9")
        search.send_keys(Keys.ESCAPE)
        self.assertEqual(len(self.visible()), 9)
        search.send_keys("no such thing anywhere")
        self.assertEqual(self.visible(), [])
        self.find("#clear").click()
        self.assertEqual(len(self.visible()), 9)
        for value, rest in (("new", 3), ("data-race", 4)):
            self.find("input[value=%s]" % value).click()
            self.assertEqual(len(self.visible()), rest, value)
            self.find("input[value=%s]" % value).click()
        self.find("input[value=lock-order-inversion]").click()
        self.assertNotIn("00000000000000c1", self.visible())
        self.run_js("const p = document.getElementById('p'); p.value = 'till'; p.dispatchEvent(new Event('input', {bubbles: true}))")
        self.assertEqual(self.visible(), ["00000000000000e1"])
        self.assert_quiet()

    def test_keys(self):
        self.open()
        self.find("body").send_keys("/")
        self.assertEqual(self.run_js("return document.activeElement.id"), "q")
        self.run_js("document.activeElement.blur()")
        for key, expected in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
            self.run_js("return document.activeElement").send_keys(key)
            self.assertEqual(self.run_js("return document.activeElement.parentNode.id"), self.visible()[expected])
        self.run_js("return document.activeElement").send_keys(Keys.ENTER)
        self.assertTrue(self.run_js("return document.activeElement.parentNode.open"))
        self.assert_quiet()

    def test_a_link_to_a_finding(self):
        self.open(then="#00000000000000f1")
        self.assertTrue(self.run_js("return document.getElementById('00000000000000f1').open"))
        self.assertIn("free", self.find("[id='00000000000000f1'] .body").text)

    def test_no_sideways_scrolling_on_a_phone(self):
        self.size(360, 780)
        self.open()
        self.find("#toggle").click()
        self.assertEqual(self.run_js("return document.querySelectorAll('.finding[open]').length"), 8)
        self.assertEqual(self.run_js("return document.documentElement.scrollWidth"), 360)
        wide = self.run_js("return [...document.querySelectorAll('.finding *')].filter(e => e.getBoundingClientRect().right > 361"
                           " && !e.closest('.src') && !e.closest('figure')).map(e => e.outerHTML.slice(0, 200))")
        self.assertEqual(wide, [])
        self.assert_quiet()

    def test_text_of_logs_is_text(self):
        self.open()
        self.find("#toggle").click()
        self.assertTrue(self.run_js("return document.title").startswith("Ravel: 8 new"))
        self.assertEqual(self.run_js("return document.querySelectorAll('img, .finding script').length"), 0)
        self.assertIn(NASTY, self.find("[id='00000000000000e1']").text)
        self.assert_quiet()

    # From WCAG: relative luminance and contrast of two colours, "rgb(r, g, b)".
    CONTRAST = """
        const lum = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255).map(
            x => x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4); return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
        const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
            if (!/, 0\\)$|transparent/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
        const low = [];
        for (const e of document.querySelectorAll('body *:not(svg *):not(noscript)')) {
          const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
          if (!own || !e.checkVisibility()) continue;
          const a = lum(getComputedStyle(e).color), b = lum(behind(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          if (ratio < 4.5) low.push([ratio.toFixed(2), e.outerHTML.slice(0, 80)]);
        }
        return low;"""

    def test_dark_and_light(self):
        background = "return getComputedStyle(document.body).backgroundColor"
        seen = {}
        for scheme in ("light", "dark"):
            self.media(scheme)
            self.open("00000000000000a1=known", "00000000000000f1=suppressed:third party", "0000000000000fff=fixed")
            self.run_js("localStorage.clear()")
            self.find("#toggle").click()
            seen[scheme] = self.run_js(background)
            self.assertEqual(self.run_js(self.CONTRAST), [], scheme)
        self.assertNotEqual(seen["light"], seen["dark"])
        self.find("#theme").click()
        self.assertEqual(self.run_js(background), seen["light"])
        self.assertEqual(self.run_js(self.CONTRAST), [])
        self.find("#theme").click()
        self.assertEqual(self.run_js(background), seen["dark"])
        self.run_js("localStorage.clear()")
        self.assert_quiet()

    def test_without_scripts(self):
        self.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            self.open()
            root = self.browser.execute_cdp_cmd("DOM.getDocument", {"depth": 0})["root"]["nodeId"]

            def count(css):
                return len(self.browser.execute_cdp_cmd("DOM.querySelectorAll", {"nodeId": root, "selector": css})["nodeIds"])
            self.assertEqual(count("html.js"), 0)
            self.assertEqual(count(".finding"), 8)
            self.assertEqual(count("[id='00000000000000a1'] .side"), 2)
            self.assertEqual(count("[id='00000000000000a1'] mark"), 2)
        finally:
            self.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    def test_10000_findings(self):
        with open(self.path("log"), "w") as f:
            f.write(text_of(start()))
            for i in range(10000):
                f.write(text_of(race("%016x" % i, test="test_%d" % (i % 50))))
        self.open(then="#%016x" % 9000)
        self.assertEqual(self.find("#shown").text, "10000 findings")
        self.assertTrue(self.run_js("return document.getElementById('%016x').open" % 9000))
        self.assertLess(self.run_js("return document.getElementsByTagName('*').length"), 300000)
        self.find("#q").send_keys("test_7")
        self.assertEqual(self.find("#shown").text, "200 of 10000")
        self.assert_quiet()


if __name__ == "__main__":
    main()
