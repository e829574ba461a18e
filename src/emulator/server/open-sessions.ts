/** A connection that can be ended from outside. */
export type OpenSession = {
  /** `null` before CONNECT. */
  readonly registrationId: string | null;
  /** Ends it after everything that was written has been sent. */
  close(reason: string): void;
  /** Ends it at once. */
  cut(): void;
  /** Sends the device a message that it did not ask for, if it has subscribed the topic. */
  notify(topic: string, body: string): void;
};

/** All open connections; at most one per device that has proved who it is. */
export class OpenSessions {
  readonly #all = new Set<OpenSession>();
  readonly #byDevice = new Map<string, OpenSession>();

  add(session: OpenSession): void {
    this.#all.add(session);
  }

  /**
   * A second connection with the same client ID closes the first, as at the hubs, if it proves to be the device: otherwise,
   * anyone who knows the ID could keep the device out.
   */
  claim(deviceKey: string, session: OpenSession, isProven: () => boolean): void {
    const previous = this.#byDevice.get(deviceKey);
    if (previous !== undefined && !isProven()) return;
    this.#byDevice.set(deviceKey, session);
    previous?.close('another connection with the same client ID took over');
  }

  remove(deviceKey: string | null, session: OpenSession): void {
    this.#all.delete(session);
    if (deviceKey !== null && this.#byDevice.get(deviceKey) === session) this.#byDevice.delete(deviceKey);
  }

  /** The session of a device; `null` = it is not connected. */
  find(deviceKey: string): OpenSession | null {
    return this.#byDevice.get(deviceKey) ?? null;
  }

  /** Of the devices that are connected. */
  keys(): Iterable<string> {
    return this.#byDevice.keys();
  }

  get size(): number {
    return this.#all.size;
  }

  closeAll(reason: string): void {
    for (const session of [...this.#all]) session.close(reason);
  }

  cutWhere(isStruck: (registrationId: string | null) => boolean): void {
    for (const session of [...this.#all]) if (isStruck(session.registrationId)) session.cut();
  }
}
