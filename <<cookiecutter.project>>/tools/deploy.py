"""Put what the registry says into an environment.

Reads   the registry, and what answers there now.
Writes  slots, the proxy's file, and a report under reports/.
Decides when the canary has seen enough, and who gets the traffic.
"""

if __name__ == "__main__":
    from door import run

    run("deploy")
