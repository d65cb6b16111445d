import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: "./tsconfig.json" } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Text from recordings is never markup: use textContent." },
        { property: "outerHTML", message: "Text from recordings is never markup: use textContent." },
        { property: "insertAdjacentHTML", message: "Text from recordings is never markup: use textContent." },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-eval": "error",
    },
  },
  { files: ["*.mjs"], ...tseslint.configs.disableTypeChecked },
);
