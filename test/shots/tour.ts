import type { Browser } from 'playwright-core'
import { enter, say } from './pages.ts'

type Save = (name: string, content: Uint8Array) => void

/** Pictures of the chat and its panel after the connection was cut, light and dark. */
export const shootTour = async (browser: Browser, url: string, save: Save): Promise<void> => {
  const ada = await enter(browser, url, 'Ada')
  const grace = await enter(browser, url, 'Grace')
  await say(grace, 'Does it survive a tunnel?')
  await say(ada, 'Watch the panel. I cut the connection.')
  await ada.getByRole('button', { name: 'Cut the connection' }).click()
  await ada.getByText('missed messages recovered').waitFor()
  for (const colorScheme of ['light', 'dark'] as const) {
    await ada.emulateMedia({ colorScheme })
    save(`tour-${colorScheme}.png`, await ada.screenshot({ animations: 'disabled', caret: 'hide' }))
  }
  await ada.context().close()
  await grace.context().close()
}
