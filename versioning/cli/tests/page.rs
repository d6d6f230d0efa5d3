//! The page of `devstate inspect --html`, in Chromium: keyboard, names for screen readers, contrast, width, hostile text.
//!
//! `cargo xtask test page` installs Chromium where it may, and runs this.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests say what they expect by panicking"
)]
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test uses a part of the product"
)]

mod product;

use std::fs;
use std::path::Path;
use std::process::Command;

use product::{LampSer, devstate, folder, lamp, snapshot};
use serde_json::Value;

/// What a page is shown in.
#[derive(Clone, Copy, Debug)]
struct Screen {
    width: u32,
    dark: bool,
}

const SCREENS: [Screen; 4] = [
    Screen {
        width: 320,
        dark: false,
    },
    Screen { width: 320, dark: true },
    Screen {
        width: 1400,
        dark: false,
    },
    Screen {
        width: 1400,
        dark: true,
    },
];

/// Writes the page of a snapshot.
fn page(bytes: &[u8]) -> String {
    let folder = folder(bytes);
    let ran = devstate(&["inspect", "lamp.snapshot", "--html", "lamp.html"], &[], folder.path());
    assert!(ran.status < 2 && ran.errors.is_empty(), "{}", ran.errors);
    fs::read_to_string(folder.path().join("lamp.html")).unwrap()
}

/// Shows a page in a frame, runs a script with the frame's `page`, and returns what it returns.
fn in_chromium(page: &str, screen: Screen, script: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let outer = folder.path().join("outer.html");
    let text = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;");
    let html = format!(
        "<!DOCTYPE html><iframe width=\"{}\" height=\"900\" srcdoc=\"{}\"></iframe><script>
         document.querySelector('iframe').addEventListener('load', (event) => {{
           const frame = event.target.contentWindow;
           const page = frame.document;
           let result;
           try {{ result = (() => {{ {LIBRARY}\n{script} }})(); }} catch (error) {{ result = {{ error: String(error) }}; }}
           const json = JSON.stringify(result).replace(/[<>&]/g, (c) => '\\\\u00' + c.charCodeAt(0).toString(16));
           document.body.innerHTML = '<pre>RESULT' + json + 'END</pre>';
         }});
         </script>",
        screen.width,
        text(page)
    );
    fs::write(&outer, html).unwrap();
    let dom = dump(&outer, screen, folder.path());
    let json = dom.split_once("RESULT").and_then(|(_, rest)| rest.split_once("END"));
    let (json, _) = json.unwrap_or_else(|| panic!("the script did not run: {dom}"));
    let result: Value = serde_json::from_str(json).unwrap();
    assert!(result.get("error").is_none(), "{result}");
    result
}

fn dump(file: &Path, screen: Screen, profile: &Path) -> String {
    let scheme = u8::from(!screen.dark);
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--dump-dom",
            "--virtual-time-budget=5000",
        ])
        // Gives elements their computed name and role.
        .arg("--enable-blink-features=ComputedAccessibilityInfo")
        .arg("--window-size=1600,1000")
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(file)
        // It writes there, whatever its profile is.
        .env("HOME", profile)
        .env("XDG_CONFIG_HOME", profile)
        .env("XDG_CACHE_HOME", profile)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What scripts share.
const LIBRARY: &str = r#"
const all = (selector) => [...page.querySelectorAll(selector)];
const current = () => page.activeElement;
const press = (key) => current().dispatchEvent(new frame.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const name = (item) => item.querySelector(".name").textContent;
const lit = () => all(".bytes .on").map((byte) => byte.textContent).join("");
const shown = () => all("[role=treeitem]").filter((item) => item.checkVisibility()).map(name);
"#;

#[test]
#[ignore = "needs Chromium: cargo xtask test page"]
fn the_keyboard_reaches_every_field_and_lights_up_its_bytes() {
    let script = r#"
        page.querySelector("[role=treeitem][tabindex='0']").focus();
        const seen = [];
        const all_items = all("[role=treeitem]").length;
        for (let count = 0; count < all_items; count++) {
            seen.push([name(current()), lit()]);
            press("ArrowDown");
        }
        const last = name(current());
        press("Home");
        const first = name(current());
        press("ArrowLeft");
        const closed = shown();
        press("ArrowRight");
        const opened = shown().length;
        press("End");
        press("ArrowUp");
        press("ArrowUp");
        press("ArrowLeft");
        const parent = name(current());
        const selected = all("[aria-selected=true]").length;
        const stops = all("[role=tree] [tabindex='0']").length;
        return { seen, all_items, first, last, closed, opened, parent, selected, stops };
    "#;
    let result = in_chromium(&page(&snapshot(&lamp())), SCREENS[2], script);
    let seen: Vec<(String, String)> = serde_json::from_value(result["seen"].clone()).unwrap();
    let seen: Vec<(&str, &str)> = seen.iter().map(|(name, lit)| (name.as_str(), lit.as_str())).collect();
    for expected in [
        ("magic", "44455653544154"),
        ("label", "0468616c6c"),
        ("level", "07"),
        ("hours", "2c010000"),
        ("mode", "01ffffffffffffffff01"),
        ("value", "fbffffffffffffff"),
        ("rx", "0568656c6c6f"),
    ] {
        assert!(seen.contains(&expected), "{expected:?}: {seen:?}");
    }
    assert_eq!(seen.len(), result["all_items"].as_u64().unwrap() as usize);
    assert_eq!(
        (&result["first"], &result["last"]),
        (&"Header".into(), &"Checksum".into())
    );
    let closed: Vec<String> = serde_json::from_value(result["closed"].clone()).unwrap();
    assert_eq!(closed.get(..2).unwrap(), ["Header", "LampSer version 1"]);
    assert_eq!(result["opened"], result["all_items"]);
    assert_eq!(result["parent"], "1");
    // One stop of the tab key, and one selection.
    assert_eq!((&result["selected"], &result["stops"]), (&1.into(), &1.into()));
}

#[test]
#[ignore = "needs Chromium: cargo xtask test page"]
fn a_mouse_finds_the_field_of_a_byte_and_the_bytes_of_a_field() {
    let script = r#"
        const byte = all(".bytes i")[31];
        byte.dispatchEvent(new frame.MouseEvent("mouseover", { bubbles: true }));
        const hovered = all(".line.lit").map((line) => line.querySelector(".name").textContent);
        byte.dispatchEvent(new frame.MouseEvent("mouseout", { bubbles: true }));
        const left = all(".lit").length;
        byte.click();
        return { hovered, left, focused: name(current()), lit: lit() };
    "#;
    let result = in_chromium(&page(&snapshot(&lamp())), SCREENS[0], script);
    let expected = serde_json::json!({ "hovered": ["hours"], "left": 0, "focused": "hours", "lit": "2c010000" });
    assert_eq!(result, expected);
}

#[test]
#[ignore = "needs Chromium: cargo xtask test page"]
fn a_screen_reader_gets_roles_and_names() {
    let script = r#"
        const items = all("[role=treeitem]").map((item) => [item.computedRole, item.computedName]);
        const regions = all("section").map((region) => region.computedName);
        const tree = page.querySelector("[role=tree]").computedName;
        return { items, regions, tree, language: page.documentElement.lang, title: page.title };
    "#;
    let mut bytes = snapshot(&lamp());
    bytes[40] = 9;
    let result = in_chromium(&page(&bytes), SCREENS[2], script);
    let items: Vec<(String, String)> = serde_json::from_value(result["items"].clone()).unwrap();
    assert!(
        items.iter().all(|(role, name)| role == "treeitem" && !name.is_empty()),
        "{items:?}"
    );
    let has = |expected: &str| items.iter().any(|(_, name)| name == expected);
    assert!(has("hours: 300 h, u32 4 bytes at 31"), "{items:?}");
    let damage = "Not readable, damaged: mode: found 0x9, expected the tag of a variant of this version (at byte 40)";
    assert!(items.iter().any(|(_, name)| name.starts_with(damage)), "{items:?}");
    assert_eq!(result["regions"], serde_json::json!(["Fields", "Bytes"]));
    assert_eq!(
        (&result["language"], &result["title"]),
        (&"en".into(), &"lamp.snapshot".into())
    );
    assert_eq!(result["tree"], "Fields of the snapshot");
}

#[test]
#[ignore = "needs Chromium: cargo xtask test page"]
fn every_text_can_be_read_narrow_and_wide_light_and_dark() {
    let script = r#"
        const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
        const light = (colour) => {
            const [r, g, b] = channels(colour).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const behind = (element) => {
            for (; element; element = element.parentElement) {
                const colour = frame.getComputedStyle(element).backgroundColor;
                if (channels(colour)[3] !== 0) return colour;
            }
        };
        let worst = [100, ""];
        const texts = all("*").filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
        for (const text of texts.filter((text) => text.checkVisibility() && !["STYLE", "SCRIPT"].includes(text.tagName))) {
            const pair = [frame.getComputedStyle(text).color, behind(text)].map(light).sort((a, b) => b - a);
            const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
            if (contrast < worst[0]) worst = [contrast, text.outerHTML.slice(0, 80)];
        }
        return { worst, page: behind(page.body), texts: texts.length, scroll: page.documentElement.scrollWidth, width: frame.innerWidth };
    "#;
    let mut bytes = snapshot(&lamp());
    bytes[40] = 9;
    for page in [page(&snapshot(&lamp())), page(&bytes)] {
        for screen in SCREENS {
            let result = in_chromium(&page, screen, script);
            assert!(result["texts"].as_u64() > Some(50), "{result}");
            assert!(result["worst"][0].as_f64() >= Some(4.5), "{screen:?}: {result}");
            assert!(
                result["scroll"].as_u64() <= result["width"].as_u64(),
                "{screen:?}: {result}"
            );
            let is_dark = result["page"].as_str().unwrap().starts_with("rgb(22,");
            assert_eq!(is_dark, screen.dark, "{result}");
        }
    }
}

#[test]
#[ignore = "needs Chromium: cargo xtask test page"]
fn hostile_text_stays_text() {
    let label = "</pre><img src=x onerror=pwn()>&\"'";
    let lamp = LampSer {
        label: label.try_into().unwrap(),
        ..lamp()
    };
    let script = r#"
        const values = all(".value").map((value) => value.textContent);
        return { images: page.images.length, values, names: all("[role=treeitem]").map((item) => item.ariaLabel) };
    "#;
    let result = in_chromium(&page(&snapshot(&lamp)), SCREENS[2], script);
    assert_eq!(result["images"], 0);
    // As Rust writes a string.
    let text = format!("{label:?}");
    let has = |list: &str| {
        result[list]
            .as_array()
            .unwrap()
            .iter()
            .any(|text_found| text_found.as_str().unwrap().contains(&text))
    };
    assert!(has("values") && has("names"), "{result}");
}
