import { describe, expect, it } from 'vitest'
import { connectBare } from '../support/bare-client.ts'
import { useChromium } from '../support/chromium.ts'
import {
  enter,
  eventually,
  field,
  isInView,
  message,
  people,
  say,
  startChat,
  texts,
  untilConnected,
  write,
} from './support.ts'

const chromium = useChromium()

describe('two people in a room', () => {
  it('exchange messages, and see which ones are their own', async () => {
    const { url } = await startChat()
    const ada = await chromium.open()
    const bob = await chromium.open()
    await enter(ada, url, 'ada')
    await enter(bob, url, 'bob')
    await say(ada, 'Hello, Bob')
    await message(bob, 'Hello, Bob').waitFor()
    await say(bob, 'Hello, Ada')
    await message(ada, 'Hello, Ada').waitFor()
    for (const page of [ada, bob]) expect(await texts(page)).toEqual(['Hello, Bob', 'Hello, Ada'])
    expect(await message(bob, 'Hello, Bob').getByText('ada', { exact: true }).isVisible()).toBe(true)
    expect(await bob.locator('.message.own .text').allTextContents()).toEqual(['Hello, Ada'])
    expect(await message(bob, 'Hello, Bob').locator('time').getAttribute('datetime')).toMatch(/Z$/)
  })

  it('see each other join, type and leave', async () => {
    const { url } = await startChat()
    const ada = await chromium.open()
    const bob = await chromium.open()
    await enter(ada, url, 'ada')
    await enter(bob, url, 'bob')
    await ada.getByText('bob joined').waitFor()
    expect(await people(ada)).toEqual(['ada', 'bob'])
    await eventually(() => people(bob)).toEqual(['bob', 'ada'])
    for (const text of ['first', 'second']) {
      await field(bob).pressSequentially(text)
      await ada.getByText('bob is typing…').waitFor()
      await field(bob).press('Enter')
      await ada.getByText('bob is typing…').waitFor({ state: 'detached' })
    }
    expect(await bob.getByText('is typing').count()).toBe(0)
    await bob.close()
    await ada.getByText('bob left').waitFor()
    expect(await people(ada)).toEqual(['ada'])
  })

  it('see any message as plain text', async () => {
    const { url } = await startChat()
    const ada = await chromium.open()
    const bob = await chromium.open()
    const code = '<img src=x onerror="document.title = 1"><script>document.title = 2</script>'
    await enter(ada, url, '<b>ada</b>')
    await enter(bob, url, 'bob')
    await say(ada, code)
    await message(bob, 'onerror').waitFor()
    expect(await texts(bob)).toEqual([code])
    expect(await people(bob)).toEqual(['bob', '<b>ada</b>'])
    expect(await bob.getByRole('log', { name: 'Messages' }).locator('img, script, b').count()).toBe(0)
  })
})

describe('one person', () => {
  it('with two tabs is one member until the last one is closed', async () => {
    const { url } = await startChat()
    const ada = await chromium.open()
    const bob = await chromium.open()
    await enter(bob, url, 'bob')
    await enter(ada, url, 'ada')
    const second = await chromium.openIn(ada.context())
    await enter(second, url, 'ada')
    await say(ada, 'from the first tab')
    await message(second, 'from the first tab').and(second.locator('.own')).waitFor()
    expect(await people(bob)).toEqual(['bob', 'ada'])
    await ada.close()
    await say(second, 'from the second tab')
    await message(bob, 'from the second tab').waitFor()
    expect(await people(bob)).toEqual(['bob', 'ada'])
    expect(await bob.getByText('ada joined').count()).toBe(1)
    expect(await bob.getByText('ada left').count()).toBe(0)
    await second.close()
    await bob.getByText('ada left').waitFor()
  })

  it('keeps name, room and messages over a reload', async () => {
    const { url } = await startChat()
    const ada = await chromium.open()
    const bob = await chromium.open()
    await enter(ada, url, 'ada', 'garden')
    await enter(bob, url, 'bob', 'garden')
    await say(ada, 'before')
    await ada.reload()
    await message(ada, 'before').and(ada.locator('.own')).waitFor()
    expect(await ada.getByRole('heading', { name: 'garden' }).isVisible()).toBe(true)
    expect(await texts(ada)).toEqual(['before'])
  })

  it('can change the room, and gets no more messages of the first', async () => {
    const { url } = await startChat()
    const ada = await chromium.open()
    const bob = await chromium.open()
    await enter(ada, url, 'ada', 'garden')
    await enter(bob, url, 'bob', 'garden')
    await say(bob, 'in the garden')
    await message(ada, 'in the garden').waitFor()
    await ada.getByRole('link', { name: 'Change room or name' }).click()
    await ada.getByLabel('Room').fill(' :The / Kitchen ')
    await ada.getByRole('button', { name: 'Enter the room' }).click()
    await untilConnected(ada)
    await bob.getByText('ada left').waitFor()
    expect(ada.url()).toBe(`${url}/#/room/the--kitchen`)
    await say(bob, 'still in the garden')
    await say(ada, 'in the kitchen')
    expect(await texts(ada)).toEqual(['in the kitchen'])
    expect(await texts(bob)).toEqual(['in the garden', 'still in the garden'])
    await ada.goBack()
    await ada.goBack()
    await message(ada, 'still in the garden').waitFor()
  })

  it('keeps the scroll position while reading older messages, and sees how many are new', async () => {
    const { url } = await startChat()
    const ada = await chromium.open({ viewport: { width: 800, height: 500 } })
    const bob = await chromium.open()
    await enter(ada, url, 'ada')
    await enter(bob, url, 'bob')
    for (let i = 1; i <= 12; i += 1) await say(bob, `number ${i}.`)
    const last = message(ada, 'number 12.')
    await eventually(() => isInView(last)).toBe(true)
    await ada.getByRole('log', { name: 'Messages' }).evaluate((log) => log.scrollTo(0, 0))
    await ada.getByRole('button', { name: 'Latest messages' }).waitFor()
    await say(bob, 'news')
    await say(bob, 'more news')
    await ada.getByRole('button', { name: '2 new messages' }).waitFor()
    expect(await ada.title()).toBe('(2) #lobby · Rookery chat')
    expect(await ada.getByRole('log', { name: 'Messages' }).evaluate((log) => log.scrollTop)).toBe(0)
    await ada.getByRole('button', { name: '2 new messages' }).click()
    await eventually(() => isInView(message(ada, 'more news'))).toBe(true)
    await eventually(() => ada.title()).toBe('#lobby · Rookery chat')
    const after = ada.locator('.divider.unread + .message')
    expect(await after.locator('.text').textContent()).toBe('news')
    await say(ada, 'I have read it')
    expect(await ada.locator('.divider.unread').count()).toBe(0)
  })

  it('writes up to 500 characters, over several lines, by keyboard alone', async () => {
    const { url } = await startChat()
    const ada = await chromium.open()
    await enter(ada, url, 'ada')
    expect(await field(ada).evaluate((input) => input === document.activeElement)).toBe(true)
    await ada.keyboard.type('one')
    await ada.keyboard.press('Shift+Enter')
    await ada.keyboard.type('two')
    await ada.keyboard.press('Enter')
    await eventually(() => texts(ada)).toEqual(['one\ntwo'])
    await ada.keyboard.press('Enter')
    await ada.keyboard.insertText('x'.repeat(600))
    expect(await ada.getByText('0 left').isVisible()).toBe(true)
    await write(ada, 'the end')
    await eventually(() => texts(ada)).toEqual(['one\ntwo', 'the end'])
  })
})

describe('the server', () => {
  it('refuses a message that is empty, too long or without a user', async () => {
    const { url } = await startChat()
    const ada = await connectBare(url, '?username=ada&roomID=lobby')
    const send = (payload: unknown) => ada.ask({ topic: 'chat/send', payload })
    const id = 'a'.repeat(16)
    for (const text of ['', ' \n ', 'x'.repeat(501), 7, undefined]) {
      expect((await send({ id, text })).error.code).toBe('invalid_payload')
    }
    expect((await send({ id, text: 'x'.repeat(500) })).error).toBeUndefined()
    const withoutUser = await connectBare(url, '?roomID=lobby')
    const anonymous = { id: 'b'.repeat(16), text: 'x' }
    const refusal = await withoutUser.ask({ topic: 'chat/send', payload: anonymous })
    expect(refusal.error.code).toBe('unauthenticated')
    const elsewhere = await connectBare(url, '?username=ada')
    expect((await elsewhere.ask({ topic: 'chat/typing' })).error.code).toBe('not_in_room')
  })

  it('shows a new member the latest 50 messages, each once, also when all others have left', async () => {
    const { url } = await startChat()
    const ada = await connectBare(url, '?username=ada&roomID=lobby')
    for (let i = 0; i < 60; i += 1) {
      const frame = { topic: 'chat/send', payload: { id: `message-${i}`.padEnd(16, '-'), text: `${i}` } }
      await ada.ask(frame)
      if (i > 50) await ada.ask(frame)
    }
    ada.socket.close()
    await ada.untilClosed()
    const bob = await chromium.open()
    await enter(bob, url, 'bob')
    const latest = Array.from({ length: 50 }, (_, index) => `${index + 10}`)
    await eventually(() => texts(bob)).toEqual(latest)
    await say(bob, 'the next one')
    expect(await texts(bob)).toEqual([...latest, 'the next one'])
    expect(await bob.title()).toBe('#lobby · Rookery chat')
  })
})
