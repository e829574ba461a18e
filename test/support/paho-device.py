# Registers one device with Eclipse Paho for Python, and prints the final answer.
# Arguments: port, CA file, ID scope, registration ID, SAS token, TLS version, suites of TLS 1.2.
import json
import queue
import ssl
import sys

import paho.mqtt.client as mqtt

port, ca_file, id_scope, registration_id, token, version, ciphers = sys.argv[1:]
context = ssl.create_default_context(cafile=ca_file)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
if version == "TLSv1_2":
    context.set_ciphers(ciphers)

# Version 2 of Paho wants to be told which callbacks it gets.
versioned = [mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, "CallbackAPIVersion") else []
client = mqtt.Client(*versioned, client_id=registration_id, protocol=mqtt.MQTTv311)
client.username_pw_set(f"{id_scope}/registrations/{registration_id}/api-version=2021-06-01", token)
client.tls_set_context(context)
events = queue.Queue()
client.on_connect = lambda _client, _data, _flags, code: events.put(("connect", code))
client.on_subscribe = lambda *_: events.put(("subscribe", None))
client.on_message = lambda _client, _data, message: events.put(("message", json.loads(message.payload)))


def wait_for(kind):
    event, value = events.get(timeout=20)
    assert event == kind, (event, value)
    return value


client.connect("localhost", int(port))
client.loop_start()
assert wait_for("connect") == 0
client.subscribe("$dps/registrations/res/#", qos=1)
wait_for("subscribe")
client.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", json.dumps({"registrationId": registration_id}), qos=1)
operation_id = wait_for("message")["operationId"]
client.publish(f"$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId={operation_id}", " ", qos=1)
print(json.dumps(wait_for("message")))
client.disconnect()
