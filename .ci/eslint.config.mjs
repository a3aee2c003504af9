// What the page's scripts are held to: `npx eslint -c .ci/eslint.config.mjs exporters/page/scripts`. They are plain scripts, each
// of which gives the others one name.
import js from "@eslint/js";

const ours = ["Dom", "Data", "Choice", "Axis", "Plots", "Mesh", "Users", "Spread", "Services", "Traces", "Flame", "Logs"];
const browser = ["document", "window", "getComputedStyle", "ResizeObserver", "setTimeout", "clearTimeout", "setInterval", "clearInterval", "structuredClone", "vegaEmbed"];

export default [
  js.configs.recommended,
  {
    files: ["**/*.js"],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "script",
      globals: Object.fromEntries([...ours, ...browser].map((name) => [name, "readonly"])),
    },
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-shadow": "error",
      "no-implicit-globals": "off",
      "no-redeclare": ["error", { builtinGlobals: false }],
      "no-unused-vars": ["error", { varsIgnorePattern: `^(${ours.join("|")})$` }],
    },
  },
];
