"""Samples as medians with their spread, and as Markdown."""

import statistics


def spread(values, digits=3):
    """'median (lowest-highest)' with so many significant digits."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{short(middle, digits)} ({short(low, digits)}–{short(high, digits)})"


def short(value, digits=3):
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e" in text else text


def of(samples, attribute):
    return [getattr(sample, attribute) for sample in samples]


def median_ratio(samples, others, attribute):
    """The median of the rounds' ratios: both sides of a ratio saw the same neighbours."""
    return statistics.median(
        a / b for a, b in zip(of(samples, attribute), of(others, attribute), strict=True)
    )


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def costs(results, unit):
    """results: workload name -> system name -> samples. unit: per_million or per_gb."""
    rows = []
    for workload, by_system in results.items():
        for system, samples in by_system.items():
            user = statistics.median(s.user_s for s in samples)
            both = user + statistics.median(s.system_s for s in samples)
            rows.append(
                [
                    workload,
                    system,
                    spread(of(samples, f"cpu_{unit}_s")),
                    f"{100 * user / both:.0f} %" if both else "–",
                    spread(of(samples, f"loader_cpu_{unit}_s")),
                    spread(of(samples, "p50_us")),
                    spread(of(samples, "p99_us")),
                ]
            )
    label = "million requests" if unit == "per_million" else "GB"
    header = [
        "load",
        "server",
        f"server, CPU s per {label}",
        "of it in user mode",
        f"client, CPU s per {label}",
        "p50 µs",
        "p99 µs",
    ]
    return table(header, rows)


# Barnabas may cost at most this much of the other.
AIM_OF_KAFKA = 0.25
AIM_OF_FLOOR = 2.0


def ratios(results, bulk):
    """bulk: names of the workloads that are held against the floor, not against Kafka."""
    rows = []
    for workload, by_system in results.items():
        ours = by_system.get("Barnabas")
        if ours is None:
            continue
        kafka = next((s for name, s in by_system.items() if "Kafka" in name), None)
        floor = by_system.get("floor")
        before = by_system.get("before")
        attribute = "cpu_per_gb_s"
        of_before = median_ratio(ours, before, attribute) if before else None
        of_kafka = median_ratio(ours, kafka, attribute) if kafka else None
        of_floor = median_ratio(ours, floor, attribute) if floor else None
        aimed, limit = (of_floor, AIM_OF_FLOOR) if workload in bulk else (of_kafka, AIM_OF_KAFKA)
        rows.append(
            [
                workload,
                f"{of_before:.2f}" if of_before else "–",
                f"{of_kafka:.2f}" if of_kafka else "–",
                f"{of_floor:.2f}" if of_floor else "–",
                f"{limit:g} × {'floor' if workload in bulk else 'Kafka'}",
                "–" if aimed is None else "met" if aimed <= limit else "**missed**",
            ]
        )
    header = ["load", "of the older build's CPU", "of Kafka's CPU", "of the floor's CPU", "aim", ""]
    return table(header, rows)
