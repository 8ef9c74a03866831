import { readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const fonts = ["@fontsource-variable/inter", "@fontsource-variable/jetbrains-mono"];

/** The fonts' licence asks that its text goes wherever the fonts go. */
function fontLicences(): Plugin {
  return {
    name: "font-licences",
    generateBundle() {
      for (const font of fonts) {
        this.emitFile({
          type: "asset",
          fileName: `licences/${font.split("/").at(-1)}.txt`,
          source: readFileSync(new URL(`node_modules/${font}/LICENSE`, import.meta.url)),
        });
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), fontLicences()],
  build: {
    target: "es2022",
    // A font small enough to be inlined would be a data: URL, which the page's policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
    testTimeout: 60_000,
  },
  // Component tests mount in jsdom, so they need Svelte's browser build.
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
});
