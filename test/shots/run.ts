/**
 * `npm run shots`: takes the pictures of the README. Starts the examples on free ports, with Chromium and nats-server from the PATH.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium } from 'playwright-core'
import { shootCluster } from './cluster.ts'
import { type Example, startExample } from './example.ts'
import { shootTour } from './tour.ts'

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url))

const save = (name: string, content: Uint8Array): void => {
  writeFileSync(IMAGES + name, content)
  console.log(`docs/images/${name}  ${Math.round(content.length / 1024)} KiB`)
}

const withExample = async (
  name: 'chat' | 'cluster',
  browser: Browser,
  shoot: (browser: Browser, url: string, save: (name: string, content: Uint8Array) => void) => Promise<void>,
): Promise<void> => {
  let example: Example | undefined
  try {
    example = await startExample(name)
    await shoot(browser, example.url, save)
  } finally {
    await example?.stop()
  }
}

mkdirSync(IMAGES, { recursive: true })
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
})
try {
  await withExample('chat', browser, shootTour)
  await withExample('cluster', browser, shootCluster)
} finally {
  await browser.close()
}
