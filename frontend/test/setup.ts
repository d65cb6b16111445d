import { afterEach } from "vitest";

afterEach(() => {
  // Files share a jsdom, and there an element can have the focus that is in no page: the document has no active element
  // then, on which :focus-within fails in whatever test comes next. Another takes the focus, and gives it back.
  const button = document.createElement("button");
  document.body.append(button);
  button.focus();
  button.blur();
  button.remove();
});
