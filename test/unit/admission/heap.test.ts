import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Heap } from '../../../core/admission/heap.ts'

const isLess = (a: number, b: number) => a < b

describe('the heap', () => {
  it('hands out what it has, the least first', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 })), (numbers) => {
        const heap = new Heap(isLess)
        for (const number of numbers) heap.push(number)
        expect(heap.size).toBe(numbers.length)
        const sorted = Array.from(numbers, () => heap.pop())
        expect(sorted).toEqual([...numbers].sort((a, b) => a - b))
        expect(heap.pop()).toBeUndefined()
      }),
    )
  })

  it('agrees with a sorted list, whatever comes and goes between', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer(), { freq: 2 })), (steps) => {
        const heap = new Heap(isLess)
        const list: number[] = []
        for (const step of steps) {
          if (step === null) {
            expect(heap.pop()).toBe(list.shift())
          } else {
            heap.push(step)
            list.push(step)
            list.sort((a, b) => a - b)
          }
          expect(heap.size).toBe(list.length)
        }
      }),
    )
  })
})
