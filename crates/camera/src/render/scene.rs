//! A scene: everything that is in a picture, and the order in which it is painted.

use super::Size;
use super::clutter::{Clutter, Thing};
use super::fruit::{CROP_HALF, Group};
use super::ground::Ground;
use super::lens::Lens;
use super::light::{Finish, Light};
use super::noise::Noise;
use super::plane::V2;
use super::raster::Canvas;
use super::rng::{Purpose, Stream};
use super::skin::Skin;
use crate::truth::Truth;
use image::RgbImage;

/// What is in a picture, the truth about its fruit left open.
pub(crate) struct Scene {
    seed: u64,
    index: u64,
    light: Light,
    ground: Ground,
    clutter: Clutter,
    group: Group,
    pub(crate) lens: Lens,
}

/// The least share of the centre square that must still show fruit under what lies over it.
const LEAST_SHOWN: f32 = 0.12;
/// The most of the fruit that may be hidden.
const MOST_HIDDEN: f32 = 0.15;

impl Scene {
    /// The scene of frame `index` of `seed`.
    pub(crate) fn sample(seed: u64, index: u64) -> Self {
        let stream = |purpose| Stream::of(seed, index, purpose);
        let group = Group::sample(&mut stream(Purpose::Layout));
        let ground = Ground::sample(&mut stream(Purpose::Ground));
        let mut clutter = Clutter::sample(&mut stream(Purpose::Clutter), ground.is_foliage());
        if !still_shows(&group, &clutter.over) {
            clutter.over.clear();
        }
        Self {
            seed,
            index,
            light: Light::sample(&mut stream(Purpose::Light)),
            ground,
            clutter,
            group,
            lens: Lens::sample(&mut stream(Purpose::Lens)),
        }
    }

    /// Paints the scene from back to front and develops it.
    pub(crate) fn paint(&self, truth: Truth, size: Size) -> RgbImage {
        let stream = |purpose| Stream::of(self.seed, self.index, purpose);
        let noise = Noise::new(&mut stream(Purpose::Texture));
        let skin = Skin::sample(self.group.kind, truth, &mut stream(Purpose::Skin));
        let mut canvas = Canvas::new(usize::from(size.width), usize::from(size.height));
        let flat = Finish {
            gloss: 0.0,
            sharpness: 1,
        };
        let lit = self.light.shade([1.0; 3], [0.0, 0.0, 1.0], flat);
        self.ground.paint(&mut canvas, &noise, lit);
        for thing in &self.clutter.under {
            thing.paint(&mut canvas, &noise, &self.light);
        }
        self.paint_fruit(&skin, &mut canvas, &noise);
        for thing in &self.clutter.over {
            thing.paint(&mut canvas, &noise, &self.light);
        }
        self.lens.develop(canvas)
    }

    fn paint_fruit(&self, skin: &Skin, canvas: &mut Canvas, noise: &Noise) {
        let light = &self.light;
        for fruit in &self.group.fruits {
            canvas.cast_shadow(&fruit.body, fruit.height(), light);
            match skin {
                Skin::Banana(skin) => {
                    canvas.paint(&fruit.body, |_, at| skin.colour(at, fruit, noise, light));
                }
                Skin::Strawberry(skin) => {
                    canvas.paint(&fruit.body, |_, at| skin.colour(at, fruit, noise, light));
                    for part in &fruit.green_parts {
                        canvas.cast_shadow(part, fruit.height() * 0.15, light);
                        canvas.paint(part, |_, at| skin.green_part(at, noise, light));
                    }
                }
            }
        }
        if let (Some(crown), Skin::Banana(skin)) = (&self.group.crown, skin) {
            canvas.paint(crown, |_, at| skin.crown(at, noise, light));
        }
    }
}

/// Whether enough fruit is seen under the things that lie over it.
fn still_shows(group: &Group, over: &[Thing]) -> bool {
    const STEPS: u32 = 30;
    let (mut fruit, mut hidden) = (0_u32, 0_u32);
    for i in 0..STEPS * STEPS {
        let at = |step: u32| (step as f32 + 0.5) / STEPS as f32 * 2.0 * CROP_HALF - CROP_HALF;
        let point = V2::new(at(i % STEPS), at(i / STEPS));
        if !over.is_empty() && group.shows_at(point) {
            fruit += 1;
            hidden += u32::from(over.iter().any(|thing| thing.shape.contains(point)));
        }
    }
    let (fruit, hidden) = (fruit as f32, hidden as f32);
    over.is_empty()
        || (hidden <= fruit * MOST_HIDDEN
            && (fruit - hidden) / (STEPS * STEPS) as f32 >= LEAST_SHOWN)
}
