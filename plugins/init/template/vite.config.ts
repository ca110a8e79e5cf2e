import { defineConfig } from 'vite'

export default defineConfig({
  root: 'page',
  build: { outDir: '../dist', emptyOutDir: true },
  // In development, Vite passes /api on to the server, WebSockets included. So the page and the server have the same
  // origin, as in production.
  server: { proxy: { '/api': { target: `http://localhost:${process.env.PORT ?? 3000}`, ws: true } } },
})
