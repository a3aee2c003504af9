// What our scripts are held to. They are plain scripts, each of which gives the others on its page one name.
import js from "@eslint/js";

const ours = [
  ...["Dom", "Data", "Choice", "Axis", "Player", "Plots", "Mesh", "Users", "Spread", "Services", "Traces", "Flame", "Lists", "Templates", "Logs"],
  ...["Feed", "Remote", "Hands", "Recent", "Requests", "Exercise"],
];
const browser = [
  ...["document", "window", "location", "performance", "getComputedStyle", "structuredClone", "ResizeObserver", "IntersectionObserver"],
  ...["setTimeout", "clearTimeout", "setInterval", "clearInterval"],
  ...["fetch", "EventSource", "URL", "URLSearchParams"],
  "vegaEmbed",
];

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
