import { MAX_TEXT } from '../limits.ts'

/** From this length on, the page shows how many characters are left. */
const COUNT_FROM = MAX_TEXT - 100

/** The text field: Enter sends, Shift + Enter begins a new line. */
export class Composer {
  readonly #input: HTMLTextAreaElement
  readonly #left: HTMLElement
  readonly #send: HTMLButtonElement

  constructor(form: HTMLFormElement, signal: AbortSignal, on: { send(text: string): void; typing(): void }) {
    const input = form.querySelector('textarea')!
    this.#input = input
    this.#left = form.querySelector('output')!
    this.#send = form.querySelector('button')!
    input.maxLength = MAX_TEXT
    const submit = () => {
      const text = input.value.trim()
      if (text === '') return
      input.value = ''
      this.#update()
      on.send(text)
    }
    form.addEventListener(
      'submit',
      (event) => {
        event.preventDefault()
        submit()
        input.focus()
      },
      { signal },
    )
    input.addEventListener(
      'keydown',
      (event) => {
        // During composition, Enter confirms a candidate of the input method.
        if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
        event.preventDefault()
        submit()
      },
      { signal },
    )
    input.addEventListener(
      'input',
      () => {
        this.#update()
        if (input.value.trim() !== '') on.typing()
      },
      { signal },
    )
    this.#update()
  }

  focus(): void {
    this.#input.focus()
  }

  #update(): void {
    const { value } = this.#input
    this.#left.textContent = value.length >= COUNT_FROM ? `${MAX_TEXT - value.length} left` : ''
    this.#send.disabled = value.trim() === ''
  }
}
