import { expect, test } from "vitest";

import { fileUrl, pageConfig } from "../../src/shared/sound";

const INFO = { path: "/home/ada/talks/a b#1.mp3", home: "/home/ada", size: 10, mime: "audio/mpeg" };

test.each([
  ["/", "/home/ada", "/files/talks/a%20b%231.mp3"],
  ["/user/ada/", "~", "/user/ada/files/talks/a%20b%231.mp3"],
  ["/user/ada", "/home/ada/", "/user/ada/files/talks/a%20b%231.mp3"],
  ["/", "/", "/files/home/ada/talks/a%20b%231.mp3"],
])("base URL %s and root %s give %s", (baseUrl, serverRoot, url) => {
  expect(fileUrl(INFO, { baseUrl, serverRoot })).toBe(url);
});

test.each([
  [{ ...INFO, path: "/srv/other.mp3" }, "outside the root"],
  [{ ...INFO, path: "/home/adam/x.mp3" }, "beside the root"],
  [{ ...INFO, path: "/home/ada/.cache/x.mp3" }, "hidden"],
  [{ ...INFO, path: null }, "no file"],
  [{ ...INFO, mime: null }, "not playable"],
])("no URL for %o: %s", (info, _why) => {
  expect(fileUrl(info, { baseUrl: "/", serverRoot: "/home/ada" })).toBeNull();
});

test("the page's configuration is read where there is one", () => {
  const page = document.createElement("div");
  expect(pageConfig(page)).toBeNull();
  const script = document.createElement("script");
  script.id = "jupyter-config-data";
  script.type = "application/json";
  page.append(script);
  script.textContent = "{";
  expect(pageConfig(page)).toBeNull();
  script.textContent = '{"baseUrl": "/x/", "serverRoot": "~", "token": "t"}';
  expect(pageConfig(page)).toEqual({ baseUrl: "/x/", serverRoot: "~" });
});
