import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: folder('page'),
  plugins: [react()],
  // The page imports `../contract.ts` and, in this repository, the built package. A project of its own needs no `fs`.
  server: { fs: { allow: [folder('../..')] } },
  // Named, so that Vite bundles them before the page asks for them.
  optimizeDeps: { include: ['react', 'react-dom/client', 'react/jsx-dev-runtime'] },
  // Files with an address of their own. The content security policy of the server forbids `data:`.
  build: { assetsInlineLimit: 0 },
})
