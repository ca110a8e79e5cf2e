import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { type Shot, toGif } from './gif.ts'
import { enter, say } from './pages.ts'

type Save = (name: string, content: Uint8Array) => void

/** Milliseconds between two pictures while something happens; each is shown longer. */
const STEP_MS = 50
const SHOWN_MS = 900
/** How long a picture is shown that the reader must read. */
const READ_MS = 2500
/** Most pictures while the page finds another node. */
const MAX_STEPS = 40

/** An animated picture of the cluster example: the node that serves the page is killed while others write. */
export const shootCluster = async (browser: Browser, url: string, save: Save): Promise<void> => {
  const ada = await enter(browser, url, 'Ada')
  const grace = await enter(browser, url, 'Grace')
  await say(grace, 'Three nodes, one chat.')
  await say(ada, 'I kill the one that serves this page.')
  const own = ada.locator('#nodes li.own')
  await own.waitFor()
  const shots: Shot[] = []
  const shoot = async (ms: number) => void shots.push({ png: await picture(ada), ms })
  await shoot(READ_MS)
  await own.getByRole('button').hover()
  await shoot(700)
  // Grace writes all the time. Her page may have been on the same node.
  const writing = writeAll(grace, ['Still there?', 'I write on.', 'Nothing is lost.'])
  await own.getByRole('button').click()
  const recovered = ada.getByText(/missed|Nothing was missed/).first()
  for (let step = 0; step < MAX_STEPS && !(await recovered.isVisible()); step++) {
    await shoot(SHOWN_MS)
    await delay(STEP_MS)
  }
  await writing
  await ada.locator('#log').getByText('Nothing is lost.').waitFor()
  await shoot(READ_MS)
  // The killed node has started again.
  await ada.locator('#nodes li').nth(2).waitFor()
  await shoot(READ_MS)
  save('cluster.gif', toGif(shots))
  await ada.context().close()
  await grace.context().close()
}

const picture = (page: Page): Promise<Buffer> => page.screenshot({ animations: 'disabled', caret: 'hide' })

const writeAll = async (page: Page, texts: readonly string[]): Promise<void> => {
  for (const text of texts) await say(page, text)
}
