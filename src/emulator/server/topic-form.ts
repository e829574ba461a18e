/** No wildcards (MQTT 3.1.1 §3.3.2.1), no null character, and no replacement character: that was bad UTF-8. */
export function isWellFormedTopic(topic: string): boolean {
  return !/[#+\0\uFFFD]/.test(topic);
}
