import '../support/dom.ts'
import { act, renderHook } from '@testing-library/react'
import { useTopic } from 'rookery/react'
import { describe, expect, it, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { providerOf, recordingClient, subscriptionsIn, useTestingLibrary } from '../support/react.ts'

useTestingLibrary()

describe('useTopic', () => {
  it('returns the last message', async () => {
    const { app, url } = await startApp()
    const { client, frames } = recordingClient(url)
    const { result } = renderHook(() => useTopic<string>('news'), { wrapper: providerOf(client) })
    await vi.waitFor(() => expect(result.current.status).toBe('active'))
    await app.publish('news', 'first')
    await vi.waitFor(() => expect(result.current.data).toBe('first'))
    expect(subscriptionsIn(frames)).toEqual(['+news'])
    void act
  })
})
