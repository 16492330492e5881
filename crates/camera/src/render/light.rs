//! Light: one lamp or sun, the sky or room around it, and how a surface answers.

use super::colour::Rgb;
use super::plane::V2;
use super::rng::Stream;

/// The light of a scene.
#[derive(Debug, Clone)]
pub(crate) struct Light {
    /// Unit vector towards the lamp: x, y in the picture, z towards the camera.
    towards: [f32; 3],
    /// Half way between the lamp and the camera, for highlights.
    halfway: [f32; 3],
    /// Colour and strength of the lamp.
    lamp: Rgb,
    /// Colour and strength of what comes from everywhere.
    around: Rgb,
    /// How dark a cast shadow is, 0 to 1.
    pub(crate) shadow_depth: f32,
    /// How soft the edge of a cast shadow is, as a fraction of the height that casts it.
    pub(crate) shadow_softness: f32,
}

/// How a surface answers to light.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish {
    /// Strength of the highlight, 0 (cloth) to 1 (lacquer).
    pub(crate) gloss: f32,
    /// How small the highlight is: the power of a Blinn highlight is 2 to this.
    pub(crate) sharpness: u32,
}

impl Light {
    /// A light of this scene's own, from hard sun to a cloudy sky.
    pub(crate) fn sample(stream: &mut Stream) -> Self {
        let azimuth = stream.angle();
        let elevation = stream.between(0.6, 1.35);
        let (sin, cos) = elevation.sin_cos();
        let towards = [azimuth.cos() * cos, azimuth.sin() * cos, sin];
        let z = sin + 1.0;
        let k = 1.0 / (towards[0] * towards[0] + towards[1] * towards[1] + z * z).sqrt();
        // How much of the light comes from one side.
        let hard = stream.between(0.35, 0.85);
        let warm = stream.around(0.0, 0.06);
        let lamp = 1.15 * hard;
        let around = 1.05 - 0.75 * hard;
        Self {
            towards,
            halfway: [towards[0] * k, towards[1] * k, z * k],
            lamp: [lamp * (1.0 + warm), lamp, lamp * (1.0 - warm)],
            around: [
                around * (1.0 - warm * 0.5),
                around,
                around * (1.0 + warm * 0.5),
            ],
            shadow_depth: 0.25 + 0.55 * hard,
            shadow_softness: stream.between(0.25, 0.5) + 0.9 * (1.0 - hard),
        }
    }

    /// What a surface of this colour sends to the camera.
    pub(crate) fn shade(&self, albedo: Rgb, normal: [f32; 3], finish: Finish) -> Rgb {
        let facing = dot(normal, self.towards).max(0.0);
        // Less of the surroundings reaches what faces away from the camera, down to the ground.
        let open = 0.55 + 0.45 * normal[2];
        let mut shine = dot(normal, self.halfway).max(0.0);
        for _ in 0..finish.sharpness {
            shine *= shine;
        }
        let shine = shine * finish.gloss;
        let channel = |i: usize| {
            let lamp = self.lamp[i];
            albedo[i] * (lamp * facing + self.around[i] * open) + lamp * shine
        };
        [channel(0), channel(1), channel(2)]
    }

    /// Where the shadow of something `height` above the ground falls, as a step in the plane.
    pub(crate) fn shadow_step(&self, height: f32) -> V2 {
        let k = -height / self.towards[2].max(0.3);
        V2::new(self.towards[0] * k, self.towards[1] * k)
    }
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::rng::Purpose;

    #[test]
    fn a_surface_that_faces_the_lamp_is_brighter_and_its_shadow_falls_away_from_it() {
        for index in 0..50 {
            let light = Light::sample(&mut Stream::of(1, index, Purpose::Light));
            let finish = Finish {
                gloss: 0.0,
                sharpness: 3,
            };
            let turned = [-light.towards[0], -light.towards[1], light.towards[2]];
            let lit = light.shade([0.5; 3], light.towards, finish);
            let unlit = light.shade([0.5; 3], turned, finish);
            assert!(lit[1] > unlit[1]);
            let step = light.shadow_step(0.1);
            assert!(step.x * light.towards[0] + step.y * light.towards[1] < 0.0);
        }
    }
}
