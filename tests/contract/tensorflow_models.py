"""Models of Keras and TensorFlow for the tests beside them; runs in an environment that has them."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import tensorflow as tf
from keras import layers


def classes() -> keras.Model:
    numbers = keras.Input((20,), name="numbers")
    hidden = layers.BatchNormalization()(layers.Dense(32, activation="tanh")(numbers))
    return keras.Model(numbers, layers.Dense(3, activation="softmax")(hidden))


def exact_gelu() -> keras.Model:
    numbers = keras.Input((20,), name="numbers")
    return keras.Model(numbers, layers.Dense(3, activation="gelu")(numbers))


def two_inputs() -> keras.Model:
    words, numbers = keras.Input((12,), name="words", dtype="int32"), keras.Input((4,), name="numbers")
    found = layers.GlobalAveragePooling1D()(layers.Embedding(500, 16)(keras.ops.mod(words, 500)))
    return keras.Model([words, numbers], layers.Dense(1)(layers.Concatenate()([found, numbers])))


def looked_up() -> keras.Model:
    words = keras.Input((1,), name="words", dtype="string")
    codes = layers.StringLookup(vocabulary=["red", "green"])(words)
    return keras.Model(words, layers.Flatten()(layers.Embedding(3, 2)(codes)))


def with_program() -> keras.Model:
    numbers = keras.Input((4,), name="numbers")
    return keras.Model(numbers, layers.Lambda(lambda values: values * 2, output_shape=(4,))(numbers))


class Dice(tf.Module):
    """Never answers twice the same."""

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="numbers")])
    def serve(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"answer": numbers + tf.random.uniform(tf.shape(numbers))}


def main(folder: Path) -> None:
    keras.utils.set_random_seed(3)
    classes().save(folder / "classes.keras")
    classes().save(folder / "classes.h5")
    exact_gelu().save(folder / "gelu.keras")
    two_inputs().save(folder / "two.keras")
    two_inputs().export(folder / "two", verbose=False)
    looked_up().save(folder / "looked.keras")
    with_program().save(folder / "program.keras")
    dice = Dice()
    tf.saved_model.save(dice, str(folder / "dice"), signatures={"serving_default": dice.serve})
    tf.saved_model.save(dice, str(folder / "other"), signatures={"other": dice.serve})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
