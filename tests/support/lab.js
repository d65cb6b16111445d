// What lab.py calls in a page of JupyterLab or Notebook 7: present before the application starts.
// Uses window.jupyterapp, which expose_app_in_browser=True provides.
window.whisperLab = {
  running: Promise.resolve(true), // the last cell or cells that were started

  async within(milliseconds, what, promise) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what}: not within ${milliseconds / 1000} s`)), milliseconds);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  },

  async app() {
    while (!window.jupyterapp) await new Promise((resolve) => setTimeout(resolve, 20));
    await window.jupyterapp.started;
    await window.jupyterapp.restored;
    return window.jupyterapp;
  },

  panel() {
    const panel = [...window.jupyterapp.shell.widgets("main")].find((widget) => widget.sessionContext && widget.context);
    if (!panel) throw new Error("no notebook is open");
    return panel;
  },

  // The notebook is drawn and, where it is to have one, its kernel answers.
  async ready(kernel) {
    const app = await this.app();
    while (![...app.shell.widgets("main")].some((widget) => widget.sessionContext && widget.context)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const panel = this.panel();
    await panel.context.ready;
    await panel.revealed;
    if (!kernel) return;
    await panel.sessionContext.ready;
    await this.kernel().info;
  },

  async openWithoutKernel(path) {
    const app = await this.app();
    const kernelPreference = { shouldStart: false, canStart: false, autoStartDefault: false };
    await app.commands.execute("docmanager:open", { path, factory: "Notebook", kernelPreference });
  },

  kernel() {
    const kernel = this.panel().sessionContext.session?.kernel;
    if (!kernel) throw new Error("the notebook has no kernel");
    return kernel;
  },

  // Resolves when the kernel has nothing to do.
  async idle() {
    const kernel = this.kernel();
    while (kernel.status !== "idle") await new Promise((resolve) => setTimeout(resolve, 20));
  },

  command(name, args) {
    return window.jupyterapp.commands.execute(name, args);
  },

  // Resolves when the kernel has begun with the cell: earlier, an interrupt would be lost.
  async start(index) {
    const { content } = this.panel();
    content.deselectAll();
    content.activeCellIndex = index;
    const kernel = this.kernel();
    const begun = new Promise((resolve) => {
      kernel.iopubMessage.connect(function listen(_, message) {
        if (message.header.msg_type !== "execute_input") return;
        kernel.iopubMessage.disconnect(listen);
        resolve();
      });
    });
    this.running = this.command("notebook:run-cell");
    await Promise.race([begun, this.running]);
  },

  startAll() {
    this.running = this.command("notebook:run-all-cells");
  },

  // Every error that cells show.
  failures() {
    const outputs = this.panel().content.widgets.flatMap((cell) => cell.model.outputs?.toJSON() ?? []);
    const failed = outputs.filter((output) => output.output_type === "error" || output.name === "stderr");
    return failed.map((output) => (output.ename ? `${output.ename}: ${output.evalue}` : String(output.text)));
  },

  // Of an expression in the kernel: its repr(), or what it raised.
  async evaluate(expression) {
    const request = { code: "", silent: true, user_expressions: { value: expression } };
    const { content } = await this.kernel().requestExecute(request).done;
    const value = content.user_expressions.value;
    return value.status === "ok" ? [true, value.data["text/plain"]] : [false, `${value.ename}: ${value.evalue}`];
  },
};
