import { expect, test, vi } from "vitest";

import { Kernel, Refused } from "../../src/shared/kernel";
import { FakeModel } from "./model";

test("answers come back to the request that has their id, in any order", async () => {
  const model = new FakeModel();
  const kernel = new Kernel(model);
  const [first, second] = [kernel.ask("file", { format: "srt" }), kernel.ask("sound", { offset: 5 })];
  model.answer(1, { value: { mime: "audio/ogg", done: true, seconds: 4 } }, [new Uint8Array([1, 2]).buffer]);
  model.answer(0, { value: { name: "talk.srt", text: "1" } });
  expect((await first).value.name).toBe("talk.srt");
  expect((await second).buffers[0]?.getUint8(1)).toBe(2);
  expect(model.sent[1]).toMatchObject({ kind: "sound", offset: 5 });
});

test("an error is refused with the kernel's own line", async () => {
  const model = new FakeModel();
  const asked = new Kernel(model).ask("trace", {});
  model.answer(0, { error: "load base to see its tokens" });
  await expect(asked).rejects.toThrow(new Refused("load base to see its tokens"));
});

test("messages for others, and malformed ones, are passed over", async () => {
  const model = new FakeModel();
  const asked = new Kernel(model).ask("trace", {});
  const late = new Kernel(model);
  model.answer(5, { value: 1 });
  model.answer(0, { id: 7, value: 1 });
  late.close();
  model.answer(0, { value: { rounds: [], note: null } });
  expect((await asked).value.rounds).toEqual([]);
});

test("when the comm closes, what waits is refused, and so is all that follows", async () => {
  const kernel = new Kernel(new FakeModel());
  const asked = kernel.ask("document", {});
  kernel.close();
  await expect(asked).rejects.toThrow("the kernel is gone");
  await expect(kernel.ask("document", {})).rejects.toThrow("the kernel is gone");
  expect(kernel.gone).toBe(true);
});

test("a kernel that does not answer for long is reported, and its answer too", async () => {
  vi.useFakeTimers();
  const model = new FakeModel();
  const kernel = new Kernel(model);
  const said: boolean[] = [];
  kernel.onslow = (slow) => said.push(slow);
  const asked = kernel.ask("trace", {});
  vi.advanceTimersByTime(4000);
  expect(said).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(said).toEqual([true]);
  model.answer(0, { value: { rounds: [], note: null } });
  await asked;
  expect(said).toEqual([true, false]);
  vi.useRealTimers();
});

test("what is insisted on is asked again until it is answered", async () => {
  vi.useFakeTimers();
  const model = new FakeModel();
  const asked = new Kernel(model).insist("document", {});
  vi.advanceTimersByTime(700);
  expect(model.sent.map(({ id }) => id)).toEqual([model.sent[0]?.["id"], model.sent[0]?.["id"], model.sent[0]?.["id"]]);
  model.answer(0, { value: { title: "talk" } });
  expect((await asked).value.title).toBe("talk");
  vi.advanceTimersByTime(60_000);
  expect(model.sent).toHaveLength(3);
  vi.useRealTimers();
});

test("what cannot be sent is refused, the first time and when it is insisted on", async () => {
  vi.useFakeTimers();
  const model = new FakeModel();
  const kernel = new Kernel(model);
  const insisted = kernel.insist("document", {});
  const refused = expect(insisted).rejects.toThrow("the kernel is gone");
  model.send = () => {
    throw new Error("the comm is closed");
  };
  vi.advanceTimersByTime(60_000);
  await refused;
  expect(kernel.gone).toBe(true);
  const late = new Kernel(model);
  await expect(late.ask("stop", {})).rejects.toThrow("the kernel is gone");
  vi.useRealTimers();
});
